"""A cloud with three control machines: what they share, and that any of them may die or be cut off under load."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from control_cloud import ControlCloud
from keystoneauth1.exceptions import ClientException
from load import Kept, Load
from namespaces import Machine, eventually

from pileus_deploy.bootstrap import Cloud

ENDED = ("ACTIVE", "ERROR")
DONE_S = 60.0
"""Within how many seconds everything that was accepted is done or refused, although a machine is lost."""
SILENCE_S = 45.0
"""How long the APIs may be silent. A busy machine is slower than VRRP's three seconds and HAProxy's four."""


@pytest.fixture(scope="module")
def joined(cloud: ControlCloud) -> ControlCloud:
    """The cloud with all of its machines; guests go to the one that only computes."""
    for machine in cloud.controls[1:]:
        assert "control-sync runs" in cloud.join(machine, "control")
    assert "compute-agent runs" in cloud.join(cloud.worker, "compute")
    cloud.first.pileus("host", "drain", "c1")
    lift_quotas(cloud.user("admin", "admin"), cloud.user("demo", "demo"))
    eventually("all serve", lambda: all(is_whole(machine) for machine in cloud.controls), 180)
    return cloud


def lift_quotas(admin: Cloud, demo: Cloud) -> None:
    """Let the demo project have any number of servers."""
    project = demo.session.get_project_id()
    servers = {"instances": -1, "cores": -1, "ram": -1}
    admin.call("PUT", "compute", f"/v2.1/os-quota-sets/{project}", {"quota_set": servers})
    admin.call("PUT", "network", f"/v2.0/quotas/{project}", {"quota": {"port": -1}})


@pytest.fixture
def admin(joined: ControlCloud) -> Cloud:
    return joined.user("admin", "admin")


@pytest.fixture
def demo(joined: ControlCloud) -> Cloud:
    return joined.user("demo", "demo")


def is_whole(machine: Machine) -> bool:
    """Whether this machine's HAProxy sees all control machines serve, and its node of the bus has all queues."""
    shown = machine.deploy("status", check=False)
    are_up = all(f"{name} " in shown for name in ("c1", "c2", "c3")) and "down:" not in shown and "CONTROL" in shown
    return are_up and "node of the bus" not in shown


def test_image_data_is_on_each(joined: ControlCloud, demo: Cloud) -> None:
    body = {"name": "copied", "disk_format": "raw", "container_format": "bare"}
    image = demo.call("POST", "image", "/v2/images", body)["id"]
    data = b"0123456789abcdef" * 65536
    url = f"{demo.plan.url('image')}/v2/images/{image}/file"
    demo.session.put(url, data=data, headers={"Content-Type": "application/octet-stream"})
    for machine in joined.controls:
        blobs = (machine.state / "image" / "store" / "blobs").glob("*/*")
        assert data in {file.read_bytes() for file in blobs if file.stat().st_size == len(data)}, machine.name
    for _ in range(6):  # whichever machine answers
        assert demo.session.get(url).content == data
    ours = f"{demo.plan.url('image')}/v2/blobs/{image}"
    assert demo.session.get(ours, raise_exc=False).status_code == 404, "copies are between control machines"


def test_keys_rotate_on_each(joined: ControlCloud, demo: Cloud) -> None:
    def keys(machine: Machine) -> str:
        files = sorted((machine.state / "fernet-keys").iterdir())
        return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()

    before, token = keys(joined.first), demo.session.get_token()
    joined.first.pileus("cloud", "rotate", "tokens")
    assert keys(joined.first) != before
    eventually("all have the keys", lambda: len({keys(machine) for machine in joined.controls}) == 1, 30)
    for _ in range(6):
        answer = demo.session.get(
            f"{demo.plan.url('identity')}/v3/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token}
        )
        assert answer.status_code == 200, "tokens from before the rotation stay valid, whichever machine is asked"


@contextmanager
def killed(machine: Machine) -> Iterator[None]:
    """All processes of the machine are killed at once; later it starts with what is on its disk."""
    machine.switch_off()
    try:
        yield
    finally:
        machine.switch_on()
        machine.deploy("up")


@contextmanager
def cut_off(machine: Machine) -> Iterator[None]:
    """The machine reaches nobody, and goes on by itself."""
    machine.unplug()
    try:
        yield
    finally:
        machine.plug_in()


@pytest.mark.parametrize("failure", [killed, cut_off])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_any_machine_may_be_lost_under_load(
    joined: ControlCloud, admin: Cloud, demo: Cloud, failure: Any, number: int
) -> None:
    lost = joined.controls[number]
    survivor = joined.controls[number - 1]
    network = demo.call("GET", "network", "/v2.0/networks?name=private")["networks"][0]["id"]
    image = demo.call("GET", "image", "/v2/images?name=pileus-test")["images"][0]["id"]
    with Load(demo, joined.user("demo", "demo"), network, image) as load:
        eventually("servers are made", lambda: len(load.kept.accepted) >= 3)
        with failure(lost):
            eventually("more are made", made_more(load.kept), 90)
            wait_until_done(admin, load.kept)
            findings = doctor(survivor)
            strangers = [one for one in findings if not is_about(one, lost)]
            assert not strangers, strangers
            assert [one for one in findings if one["check"] == "control machines"], findings
    assert load.kept.longest_silence_s < SILENCE_S
    assert not load.kept.failures
    delete_all(admin, load.kept)
    eventually("all serve", lambda: all(is_whole(machine) for machine in joined.controls), 180)


def made_more(kept: Kept) -> Any:
    wanted = len(kept.accepted) + 5
    return lambda: len(kept.accepted) >= wanted


def wait_until_done(admin: Cloud, kept: Kept) -> None:
    """Wait until what was accepted by now, while a machine is lost, is done or refused."""
    mine = set(kept.accepted)

    def statuses() -> dict[str, str]:
        rows = admin.call("GET", "compute", "/v2.1/servers/detail?all_tenants=1&limit=1000", timeout=20)["servers"]
        return {row["id"]: row["status"] for row in rows}

    def all_ended() -> bool:
        try:
            known = statuses()
        except ClientException:  # a call that can be repeated; it was on the machine that was lost
            return False
        assert mine <= known.keys(), "what was accepted is there"
        return all(known[server] in ENDED for server in mine)

    eventually("what was accepted is done", all_ended, DONE_S)


def doctor(machine: Machine) -> list[dict[str, str]]:
    """Return what `pileus doctor` finds, apart from what a load leaves: servers that are just being made."""
    shown = machine.pileus("--os-cloud", "pileus-admin", "doctor", "--json", check=False)
    found: list[dict[str, str]] = json.loads(shown[shown.index("{") :])["findings"]
    return [one for one in found if one["severity"] == "error"]


def is_about(finding: dict[str, str], machine: Machine) -> bool:
    text = " ".join(map(str, finding.values()))
    return machine.name in text or machine.address in text


def delete_all(admin: Cloud, kept: Kept) -> None:
    for server in kept.accepted:
        admin.call("DELETE", "compute", f"/v2.1/servers/{server}")

    def gone() -> bool:
        rows = admin.call("GET", "compute", "/v2.1/servers?all_tenants=1&limit=1000")["servers"]
        return not set(kept.accepted) & {row["id"] for row in rows}

    eventually("they are deleted", gone, 120)
