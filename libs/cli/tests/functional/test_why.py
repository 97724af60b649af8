"""Each way in which `POST /servers` can fail: `pileus why` names the true cause and a next step."""

import time
from collections.abc import Callable
from typing import Any

from pileus_compute.drivers.qemu.image_cache import ImageUnusable
from pileus_compute.errors import HypervisorFailed

CREATE = "server create {} --image pileus-test --flavor m1.nano --network private"
WAIT_S = 60


def explained(pileus: Any, name: str, *says: str, helps: str) -> None:
    """`why` says all of it, and what helps."""
    told = pileus.ok(f"why server {name}").out
    assert all(text in told for text in says), told
    assert helps in told.partition("What helps: ")[2], told


def refused(pileus: Any, line: str, code: int = 1) -> str:
    done = pileus(line)
    assert done.code == code, (done.code, done.out, done.err)
    return str(done.err)


def raises(error: Exception) -> Callable[[], None]:
    def fault() -> None:
        raise error

    return fault


def test_no_such_flavor(world: None, pileus: Any) -> None:
    assert "m1.nono" in refused(pileus, CREATE.format("w-flavor").replace("m1.nano", "m1.nono"), 3)
    explained(pileus, "w-flavor", "There is no flavor 'm1.nono'", helps="pileus flavor list")


def test_no_memory_left(world: None, pileus: Any) -> None:
    pileus.ok("flavor create m1.huge --ram 4000000 --disk 1", "admin")
    pileus.ok("quota set demo --ram -1", "admin")
    said = refused(pileus, CREATE.format("w-memory").replace("m1.nano", "m1.huge"))
    assert "memory" in said
    explained(pileus, "w-memory", "No valid host", "host1", "memory", helps="smaller flavor")
    pileus.ok("server delete w-memory")


def test_a_filter(world: None, pileus: Any) -> None:
    """One host, and two servers that must not share it."""
    group = pileus.json("server group create w-apart --policy anti-affinity")["id"]
    pileus.ok(f"{CREATE.format('w-one')} --hint group={group}")
    refused(pileus, f"{CREATE.format('w-two')} --hint group={group}")
    explained(pileus, "w-two", "No valid host", "host1 has 1 of the group", helps="server group")
    pileus.ok("server delete w-one w-two")


def test_the_quota(world: None, pileus: Any) -> None:
    before = {row["Resource"]: row["Limit"] for row in pileus.json("quota show")}["instances"]
    pileus.ok("quota set demo --instances 0 --force", "admin")
    try:
        assert "request req-" in refused(pileus, CREATE.format("w-quota"))
        explained(pileus, "w-quota", "was refused", "HTTP 403", "instances", helps="pileus limits show")
    finally:
        pileus.ok(f"quota set demo --instances {before}", "admin")


def test_an_image_too_big_for_the_flavor(world: None, pileus: Any, tmp_path: Any) -> None:
    (tmp_path / "data").write_bytes(b"\0" * 512)
    pileus.ok("image create w-big --disk-format raw --file data --min-disk 100")
    refused(pileus, CREATE.format("w-image").replace("pileus-test", "w-big"))
    explained(pileus, "w-image", "disk", helps="bigger disk")


def test_a_dead_agent(world: None, pileus: Any, cloud: Any) -> None:
    cloud.compute.host.down = True
    try:
        pileus.ok(f"--no-wait {CREATE.format('w-agent')}")
        until(lambda: "does not answer" in pileus.ok("why server w-agent").out)
        explained(pileus, "w-agent", "host1", helps="pileus compute service list")
    finally:
        cloud.compute.host.down = False
    pileus.ok("server delete w-agent")


def test_an_address_in_use(world: None, pileus: Any) -> None:
    taken = pileus.json("server show first")["addresses"]["private"][0]["addr"]
    line = CREATE.format("w-port").replace("--network private", f"--nic net-name=private,v4-fixed-ip={taken}")
    refused(pileus, line)
    explained(pileus, "w-port", taken, helps="pileus port list")


def test_a_hostile_image(world: None, pileus: Any, cloud: Any) -> None:
    error = ImageUnusable(image="x", why="it has a backing file")
    cloud.compute.host.driver.fail("prepare", raises(error))
    refused(pileus, CREATE.format("w-hostile"))
    explained(pileus, "w-hostile", "failed at step", "backing file", helps="qemu-img")
    pileus.ok("server delete w-hostile")


def test_a_full_disk(world: None, pileus: Any, cloud: Any) -> None:
    error = HypervisorFailed(what="create a disk", why="qemu-img: Could not write: No space left on device")
    cloud.compute.host.driver.fail("prepare", raises(error))
    refused(pileus, CREATE.format("w-full"))
    explained(pileus, "w-full", "failed at step", "no space left", helps="delete servers or volumes")
    pileus.ok("server delete w-full")


def test_nothing_went_wrong(world: None, pileus: Any) -> None:
    assert "Nothing went wrong" in pileus.ok("why server first").out
    assert pileus("why server nobody-knows").code == 3


def test_a_trace_sums_up(world: None, pileus: Any) -> None:
    pileus.ok(CREATE.format("t-one"))
    (job, *_) = pileus.ok("trace t-one --json").json["jobs"]
    parts = sum(part["seconds"] for part in job["parts"])
    assert abs(parts - job["total"]) <= 0.1 * job["total"], job
    assert {"API", "queue", "boot"} <= {part["name"] for part in job["parts"]}
    assert "server.create" in pileus.ok("trace t-one").out
    pileus.ok("server delete t-one")


def until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.2)
