"""What a cloud's control plane costs with many hosts: `tox -e hosts`, or `python -m pileus_deploy.simulated_hosts`.

Starts a cloud of its own with the fake drivers and plays 10, 100, 1,000 hosts (`pileus_deploy.loads.simulated_agents`):
their agents report and answer calls over the cloud's RabbitMQ, many of them in a process. For each number it measures
the CPU time of the services, the broker and the database: for each host and second while nothing is asked for, and for
each server that is created and deleted, with the SQL statements of its requests and jobs. CPU time and statements are
steady figures; what they are divided by is what to compare.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pileus_deploy import broker, cloud_hosts, lifecycle, plan_files
from pileus_deploy.bench import Meter, cpu_ms
from pileus_deploy.bootstrap import Cloud
from pileus_deploy.loads.processes import Used
from pileus_deploy.loads.servers import Postgres
from pileus_deploy.plan import Plan
from pileus_deploy.progress import step, wait_for
from pileus_deploy.status import process_tree
from pileus_kit.accounts import Account

HOSTS_A_PROCESS = 250
ROLES = {"rabbitmq": "broker", "epmd": "broker"}
ROLES_SHOWN = ("api", "worker", "broker", "database")
SLOW_S = 1800.0


@dataclass(frozen=True)
class Cost:
    """CPU milliseconds by role, of a second or of a server, and the SQL statements of a server."""

    by_role: dict[str, float]
    statements: float = 0.0


class Simulation:
    """One cloud and its simulated hosts."""

    def __init__(self, plan: Plan, counts: Path, postgres: Postgres | None, seconds: float, servers: int) -> None:
        self.plan, self.postgres, self.seconds, self.servers = plan, postgres, seconds, servers
        self.admin, self.demo = Cloud(plan, "admin", "admin"), Cloud(plan, "demo", "demo")
        self.meter = Meter(plan.state, counts)
        self._agents: list[subprocess.Popen[str]] = []
        self._count = 0
        self._let_services_play_hosts()
        self.things = self._furnish()

    def _let_services_play_hosts(self) -> None:
        """Let the services' accounts consume from the queues of hosts: in this cloud only, where hosts share them."""
        names = [Account(name).name for name in ("compute", "network")]
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        rights = [{"user": name, "vhost": broker.VHOST, **everything} for name in names]
        broker.control(self.plan).import_definitions({"permissions": rights})

    def _furnish(self) -> dict[str, str]:
        project = self.demo.session.get_project_id()
        unlimited = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
        self.admin.call("PUT", "compute", f"/v2.1/os-quota-sets/{project}", unlimited)
        self.admin.call("PUT", "network", f"/v2.0/quotas/{project}", {"quota": {"port": -1}})
        flavors = self.demo.call("GET", "compute", "/v2.1/flavors")["flavors"]
        networks = self.demo.call("GET", "network", "/v2.0/networks?name=private")["networks"]
        return {
            "flavorRef": next(flavor["id"] for flavor in flavors if flavor["name"] == "m1.nano"),
            "imageRef": self.demo.call("GET", "image", "/v2/images?visibility=public")["images"][0]["id"],
            "network": networks[0]["id"],
        }

    def grow(self, count: int) -> None:
        """Start hosts until there are so many, and wait until all report."""
        with step(f"{count} hosts report"):
            while self._count < count:
                batch = min(HOSTS_A_PROCESS, count - self._count)
                words = [str(self.plan.state), str(self._count), str(batch)]
                program = [sys.executable, "-m", "pileus_deploy.loads.simulated_agents", *words]
                self._agents.append(subprocess.Popen(program, stdout=subprocess.PIPE, text=True))
                self._count += batch
            for process in self._agents:
                if process.stdout is not None and process.stdout.readline() != "ready\n":
                    raise RuntimeError("the simulated hosts didn't start")
                process.stdout = None
            wait_for("all hosts", SLOW_S, lambda: self._up() >= count, every=2.0)

    def _up(self) -> int:
        found = cloud_hosts.load(self.admin).values()
        return sum(host.services == {"compute": "up", "network": "up"} for host in found)

    def idle(self) -> Cost:
        """Return the CPU milliseconds of a second in which only hosts report."""
        with Used(self.plan) as used:
            before, began = self._database_ms(), time.monotonic()
            time.sleep(self.seconds)
            took, database = time.monotonic() - began, self._database_ms() - before
        return Cost({role: ms / took for role, ms in (_by_role(used.ms) | {"database": database}).items()})

    def busy(self, idle: Cost) -> Cost:
        """Return what a server costs beyond that, from its request until it is gone."""
        self._make(1)
        (_, statements), before, began = self.meter.read(), self._database_ms(), time.monotonic()
        with Used(self.plan) as used:
            self._make(self.servers)
        took, database = time.monotonic() - began, self._database_ms() - before
        roles = _by_role(used.ms) | {"database": database}
        each = {role: max(0.0, ms - idle.by_role[role] * took) / self.servers for role, ms in roles.items()}
        return Cost(each, (self.meter.read()[1] - statements) / self.servers)

    def _make(self, count: int) -> None:
        """Create servers with a port one after the other, and delete them."""
        wanted = {key: self.things[key] for key in ("flavorRef", "imageRef")} | {"name": "simulated"}
        body = {"server": wanted | {"networks": [{"uuid": self.things["network"]}]}}
        for _ in range(count):
            server = self.demo.call("POST", "compute", "/v2.1/servers", body)["server"]["id"]
            wait_for("a server", 120, lambda: self._status(server) == "ACTIVE", every=0.5)  # noqa: B023 -- used at once
            self.demo.call("DELETE", "compute", f"/v2.1/servers/{server}")
            wait_for("its end", 120, lambda: not self._exists(server), every=0.5)  # noqa: B023 -- used at once

    def _status(self, server: str) -> str:
        status = str(self.demo.call("GET", "compute", f"/v2.1/servers/{server}")["server"]["status"])
        if status == "ERROR":
            raise RuntimeError(f"server {server} is in ERROR")
        return status

    def _exists(self, server: str) -> bool:
        listed = self.demo.call("GET", "compute", "/v2.1/servers")["servers"]
        return any(one["id"] == server for one in listed)

    def _database_ms(self) -> float:
        """CPU time of the database's processes; SQLite's is part of the services'."""
        if self.postgres is None:
            return 0.0
        first = int((self.postgres.place / "data" / "postmaster.pid").read_text().split()[0])
        return sum(cpu_ms(pid) for pid in process_tree(first))

    def close(self) -> None:
        """End the simulated hosts."""
        for process in self._agents:
            process.terminate()
        for process in self._agents:
            process.wait(60)


def _by_role(used: dict[str, float]) -> dict[str, float]:
    """Add up CPU time by what processes are: api, worker, agent (of the controller), broker."""
    found: dict[str, float] = {}
    for name, ms in used.items():
        role = ROLES.get(name, name.rpartition("-")[2])
        found[role] = found.get(role, 0.0) + ms
    return found


def table(alone: Cost, idle: dict[int, Cost], busy: dict[int, Cost]) -> str:
    """Return a line for each number of hosts: what a host and second costs beyond the cloud `alone`, and a server.

    Ratios are to the least number of hosts.
    """
    roles = [role for role in ROLES_SHOWN if role in alone.by_role]
    lines = [
        f"{'hosts':>6} | CPU ms of a host and second, idle" + " " * max(0, 10 * len(roles) - 18) + "| a server",
        f"{'':>6} |" + "".join(f"{role:>10}" for role in (*roles, "all")) + f"{'ratio':>7} |"
        f"{'CPU ms':>9}{'ratio':>7}{'SQL':>8}{'ratio':>7}",
    ]
    first: tuple[float, float, float] | None = None
    for count, cost in idle.items():
        each = {role: (cost.by_role[role] - alone.by_role[role]) / count for role in roles}
        found = sum(each.values()), sum(busy[count].by_role.values()), busy[count].statements
        first = first or found
        ratios = [value / max(least, 0.001) for value, least in zip(found, first, strict=True)]
        shares = "".join(f"{value:10.3f}" for value in (*each.values(), found[0]))
        server = f"{found[1]:9.1f}{ratios[1]:7.2f}{found[2]:8.1f}{ratios[2]:7.2f}"
        lines.append(f"{count:>6} |{shares}{ratios[0]:7.2f} |{server}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; returns 0."""
    parser = argparse.ArgumentParser(prog="simulated_hosts", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--state", type=Path, default=Path("/var/tmp/pileus-hosts"))  # noqa: S108 -- root's own
    parser.add_argument("--offset", type=int, default=600)
    parser.add_argument("--hosts", default="10,100,1000", help="the numbers of hosts, growing")
    parser.add_argument("--seconds", type=float, default=60, help="how long the idle cloud is measured")
    parser.add_argument("--servers", type=int, default=20, help="servers created and deleted for each number of hosts")
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own")
    parser.add_argument("--keep", action="store_true", help="leave the cloud running, without its hosts")
    given = parser.parse_args(argv)
    postgres = Postgres() if given.postgresql else None
    plan = Plan(
        given.state.resolve(), offset=given.offset, hypervisor="fake", database=postgres.url if postgres else ""
    )
    if earlier := plan_files.load(plan.state):
        lifecycle.reset(earlier)
    counts = plan.state.with_name(f"{plan.state.name}-statements")
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir()
    counts.chmod(0o1777)  # each service writes as its own user, and the state directory is closed to others
    os.environ["PILEUS_STATEMENTS"] = str(counts)
    try:
        plan_files.save(plan)
        lifecycle.up(plan, demo=False)
        print(measure(Simulation(plan, counts, postgres, given.seconds, given.servers), given.hosts.split(",")))
        return 0
    finally:
        if not given.keep:
            lifecycle.reset(plan)
            shutil.rmtree(counts)
            if postgres:
                postgres.close()


def measure(simulation: Simulation, numbers: Sequence[str]) -> str:
    """Return the table of what each number of hosts costs."""
    idle: dict[int, Cost] = {}
    busy: dict[int, Cost] = {}
    try:
        alone = simulation.idle()
        print(f"   without simulated hosts: idle {alone}", file=sys.stderr, flush=True)
        for count in map(int, numbers):
            simulation.grow(count)
            idle[count] = simulation.idle()
            busy[count] = simulation.busy(idle[count])
            print(f"   {count}: idle {idle[count]}, a server {busy[count]}", file=sys.stderr, flush=True)
    finally:
        simulation.close()
    return table(alone, idle, busy)


if __name__ == "__main__":
    sys.exit(main())
