"""What calls cost on this machine, as ratios to recorded OpenStack: `tox -e bench`.

Starts a cloud of its own with the fake hypervisor and network driver, makes each call many times through HTTP, and
reads the CPU time of all its processes (services, workers, agents, broker) and the SQL statements they sent. CPU and
statements per call are steady figures; rates aren't, on shared machines.
"""

import argparse
import json
import os
import shutil
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pileus_deploy import lifecycle, plan_files
from pileus_deploy.bootstrap import Cloud
from pileus_deploy.plan import Plan
from pileus_deploy.progress import wait_for
from pileus_deploy.status import process_tree, pss_mib

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Reference:
    """OpenStack 2026.2 from its packages, MariaDB, RabbitMQ, two uwsgi processes an API, on two cores: CPU milliseconds
    and SQL statements a call, and the share of them that we allow ourselves."""

    cpu_ms: float
    statements: float | None
    share: float = 0.1


REFERENCES = {
    "token issue": Reference(280, 10, 0.2),
    "token validate, new": Reference(14, 3.5),
    "token validate, seen": Reference(8, 0),
    "port create": Reference(300, 230),
    "port list, 1,000": Reference(869, None),
    "server create to ACTIVE, one port": Reference(3250, 1108),
    "server show": Reference(43, 17),
    "server list with detail, 1,000": Reference(5970, None),
    "volume create to available": Reference(313, None),
    "image create": Reference(19, None),
}


class Meter:
    """CPU time and SQL statements of a running cloud, all processes together."""

    def __init__(self, state: Path, counts: Path) -> None:
        self.state, self.counts = state, counts

    def read(self) -> tuple[float, int]:
        pids = self.pids()
        return sum(cpu_ms(pid) for pid in pids), sum(
            struct.unpack("q", file.read_bytes()[:8])[0] for file in self.counts.iterdir()
        )

    def pids(self) -> list[int]:
        supervisor = json.loads((self.state / "run" / "supervisor.json").read_text())["pid"]
        return process_tree(supervisor)


def cpu_ms(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return 1000 * sum(map(int, fields[11:15])) / TICK


class Bench:
    def __init__(self, plan: Plan, counts: Path, rows: int, quick: int) -> None:
        self.plan, self.rows, self.times, self.meter = plan, rows, quick, Meter(plan.state, counts)
        self.cloud = Cloud(plan, "demo", "demo")
        self.admin = Cloud(plan, "admin", "admin")
        self.found: dict[str, tuple[float, float]] = {}
        self.idle = (0.0, 0.0)  # CPU milliseconds and statements a second that the idle cloud uses

    def measure(self, name: str, times: int, call: Callable[[int], Any]) -> None:
        """Return what `call(i)` costs on average over `times` calls, beyond what the idle cloud uses."""
        call(-1)  # the first call opens connections and fills caches
        before, began = self.meter.read(), time.monotonic()
        for i in range(times):
            call(i)
        took = time.monotonic() - began
        cpu, statements = (
            max(0.0, after - first - rate * took) / times
            for after, first, rate in zip(self.meter.read(), before, self.idle, strict=True)
        )
        self.found[name] = (cpu, statements)
        cost, sent = self.found[name]
        print(f"   {name}: {cost:.2f} ms, {sent:.1f} statements", file=sys.stderr, flush=True)

    def rest(self, seconds: float = 30) -> None:
        """Measure what the idle cloud uses, to subtract it from each call."""
        before = self.meter.read()
        time.sleep(seconds)
        after = self.meter.read()
        self.idle = ((after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds)

    def run(self) -> None:
        self.rest()
        self.tokens()
        self.images()
        network = self.cloud.call("GET", "network", "/v2.0/networks?name=private&project_id={project}")["networks"][0]
        self.ports(network["id"])
        self.servers(network["id"])
        self.volumes()

    def tokens(self) -> None:
        import requests

        http, url = requests.Session(), f"{self.plan.url('identity')}/v3/auth/tokens"
        login = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {"name": "demo", "domain": {"id": "default"}, "password": self.plan.secrets["demo"]}
                    },
                },
                "scope": {"project": {"name": "demo", "domain": {"id": "default"}}},
            }
        }
        tokens: list[str] = []

        def issue(i: int) -> None:
            tokens.append(http.post(url, json=login, timeout=30).headers["X-Subject-Token"])

        def validate(token: str) -> None:
            mine = {"X-Auth-Token": str(self.admin.session.get_token()), "X-Subject-Token": token}
            http.get(url, headers=mine, timeout=30).raise_for_status()

        self.measure("token issue", 100, issue)
        self.measure("token validate, new", 100, lambda i: validate(tokens[i]))
        self.measure("token validate, seen", 20 * self.times, lambda i: validate(tokens[0]))

    def images(self) -> None:
        made: list[str] = []
        self.measure(
            "image create",
            5 * self.times,
            lambda i: made.append(
                self.cloud.call(
                    "POST", "image", "/v2/images", {"name": "bench", "disk_format": "raw", "container_format": "bare"}
                )["id"]
            ),
        )
        for image in made:
            self.cloud.call("DELETE", "image", f"/v2/images/{image}")

    def ports(self, network: str) -> None:
        quota = {"quota": {"port": 5000, "security_group": 100, "network": 100}}
        self.admin.call("PUT", "network", f"/v2.0/quotas/{self.cloud.session.get_project_id()}", quota)
        net = self.cloud.call("POST", "network", "/v2.0/networks", {"network": {"name": "bench"}})["network"]["id"]
        self.cloud.call(
            "POST", "network", "/v2.0/subnets", {"subnet": {"network_id": net, "ip_version": 4, "cidr": "10.99.0.0/16"}}
        )
        made: list[str] = []
        self.measure(
            "port create",
            2 * self.times,
            lambda i: made.append(
                self.cloud.call("POST", "network", "/v2.0/ports", {"port": {"network_id": net}})["port"]["id"]
            ),
        )
        while len(made) < self.rows:
            batch = [{"network_id": net}] * min(100, self.rows - len(made))
            made += [p["id"] for p in self.cloud.call("POST", "network", "/v2.0/ports", {"ports": batch})["ports"]]
        self.measure(
            "port list, 1,000", 5, lambda i: self.cloud.call("GET", "network", f"/v2.0/ports?network_id={net}")
        )
        for port in made:
            self.cloud.call("DELETE", "network", f"/v2.0/ports/{port}")

    def servers(self, network: str) -> None:
        unlimited = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
        self.admin.call("PUT", "compute", f"/v2.1/os-quota-sets/{self.cloud.session.get_project_id()}", unlimited)
        flavors = self.cloud.call("GET", "compute", "/v2.1/flavors")["flavors"]
        flavor = next(f for f in flavors if f["name"] == "m1.nano")
        image = self.cloud.call("GET", "image", "/v2/images?visibility=public")["images"][0]
        body = {"name": "bench", "flavorRef": flavor["id"], "imageRef": image["id"]}
        made: list[str] = []

        def boot(i: int) -> None:
            server = self.cloud.call(
                "POST", "compute", "/v2.1/servers", {"server": {**body, "networks": [{"uuid": network}]}}
            )["server"]["id"]
            made.append(server)
            wait_for("server", 60, lambda: self.status(server) == "ACTIVE", every=0.25)

        self.measure("server create to ACTIVE, one port", self.times, boot)
        self.measure(
            "server show", 20 * self.times, lambda i: self.cloud.call("GET", "compute", f"/v2.1/servers/{made[0]}")
        )
        while len(made) < self.rows:
            many = min(50, self.rows - len(made))
            self.cloud.call(
                "POST",
                "compute",
                "/v2.1/servers",
                {"server": {**body, "networks": "none", "min_count": many, "max_count": many}},
                headers={"OpenStack-API-Version": "compute 2.37"},
            )
            made += [""] * many
        wait_for(
            "servers",
            600,
            lambda: not self.cloud.call("GET", "compute", "/v2.1/servers?status=BUILD&limit=1")["servers"],
            every=2,
        )
        self.measure(
            "server list with detail, 1,000",
            5,
            lambda i: self.cloud.call("GET", "compute", "/v2.1/servers/detail?limit=1000"),
        )

    def status(self, server: str) -> str:
        status = self.cloud.call("GET", "compute", f"/v2.1/servers/{server}")["server"]["status"]
        if status == "ERROR":
            raise RuntimeError(f"server {server} is in ERROR")
        return str(status)

    def volumes(self) -> None:
        def create(i: int) -> None:
            volume = self.cloud.call("POST", "volume", "/v3/{project}/volumes", {"volume": {"size": 1}})["volume"]["id"]
            wait_for(
                "volume",
                60,
                lambda: (
                    self.cloud.call("GET", "volume", f"/v3/{{project}}/volumes/{volume}")["volume"]["status"]
                    == "available"
                ),
                every=0.1,
            )

        quota = {"quota_set": {"volumes": -1, "gigabytes": -1}}
        project = self.cloud.session.get_project_id()
        self.admin.call("PUT", "volume", f"/v3/{{project}}/os-quota-sets/{project}", quota)
        self.measure("volume create to available", self.times, create)


def table(found: dict[str, tuple[float, float]]) -> tuple[str, bool]:
    """Print the ratios, and whether each is within the share that we allow ourselves."""
    lines = [f"{'call':36} {'CPU ms':>9} {'ratio':>7} {'SQL':>7} {'ratio':>7}  within"]
    good = True
    for name, (cpu, statements) in found.items():
        ref = REFERENCES[name]
        of_cpu = cpu / ref.cpu_ms
        of_sql = statements / ref.statements if ref.statements else None
        within = of_cpu <= ref.share and (of_sql is None or of_sql <= ref.share)
        good &= within
        lines.append(
            f"{name:36} {cpu:9.2f} {of_cpu:7.3f} {statements:7.1f} "
            f"{'' if of_sql is None else f'{of_sql:.3f}':>7}  {'yes' if within else 'NO'} (≤ {ref.share})"
        )
    return "\n".join(lines), good


def idle(plan: Plan, seconds: float = 30) -> str:
    """Print memory and CPU of the idle cloud, RabbitMQ apart."""
    known = json.loads((plan.state / "run" / "supervisor.json").read_text())
    broker = {pid for name in ("epmd", "rabbitmq") for pid in process_tree(known["processes"][name]["pid"])}
    pids = [pid for pid in process_tree(known["pid"]) if pid not in broker]
    before = sum(cpu_ms(pid) for pid in pids)
    time.sleep(seconds)
    used = sum(cpu_ms(pid) for pid in pids) - before
    return (
        f"idle: {len(pids)} processes, {sum(pss_mib(pid) for pid in pids):.0f} MiB PSS (at most 600), "
        f"{used / seconds:.1f} ms CPU a second (at most 5); RabbitMQ {sum(pss_mib(pid) for pid in broker):.0f} MiB"
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--state", type=Path, default=Path("/var/tmp/pileus-bench"))  # noqa: S108 -- root's own
    parser.add_argument("--offset", type=int, default=700)
    parser.add_argument("--rows", type=int, default=1000, help="servers and ports in the lists")
    parser.add_argument("--times", type=int, default=20, help="repetitions of the slow calls")
    parser.add_argument("--keep", action="store_true", help="leave the cloud running")
    given = parser.parse_args(argv)
    plan = Plan(given.state.resolve(), offset=given.offset, hypervisor="fake")
    earlier = plan_files.load(plan.state)
    if earlier:
        lifecycle.reset(earlier)
    counts = plan.state.with_name(f"{plan.state.name}-statements")
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir()
    counts.chmod(0o1777)  # each service writes as its own user, and the state directory is closed to others
    os.environ["PILEUS_STATEMENTS"] = str(counts)
    plan_files.save(plan)
    lifecycle.up(plan, demo=False)
    try:
        print(idle(plan), flush=True)
        bench = Bench(plan, counts, given.rows, given.times)
        bench.run()
        text, good = table(bench.found)
        print(text)
        return 0 if good else 1
    finally:
        if not given.keep:
            lifecycle.reset(plan)
            shutil.rmtree(counts)


if __name__ == "__main__":
    sys.exit(main())
