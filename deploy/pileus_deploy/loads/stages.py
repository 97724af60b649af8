"""The stages of a load, in the order in which they are run, and what is wrong after each."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from pileus_deploy.bootstrap import Cloud
from pileus_deploy.loads import processes
from pileus_deploy.loads.clients import Client, crowd
from pileus_deploy.loads.records import Record
from pileus_deploy.loads.servers import Postgres
from pileus_deploy.plan import Plan

MAX_RATIO = 10.0
STALLED_S = 180.0
"""Servers that are unfinished after so many seconds without any progress count as lost."""
LOOK_S = 5.0
ONE_PAGE = 1000


class Load:
    """One cloud's run. `broken` collects the promises that weren't kept."""

    def __init__(self, plan: Plan, clients: int, postgres: Postgres | None) -> None:
        self.plan, self.clients, self.postgres = plan, clients, postgres
        self.admin, self.demo = Cloud(plan, "admin", "admin"), Cloud(plan, "demo", "demo")
        self.broken: list[str] = []
        self.memory = {"empty": processes.memory(plan)}
        self.things = self._furnish()
        self.burst: list[str] = []

    def _furnish(self) -> dict[str, str]:
        """Lift the quotas, and make a network with room for all servers."""
        project = self.demo.session.get_project_id()
        for service, path, body in (
            ("compute", f"/v2.1/os-quota-sets/{project}", {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}),
            ("network", f"/v2.0/quotas/{project}", {"quota": {"port": -1}}),
            ("volume", f"/v3/{{project}}/os-quota-sets/{project}", {"quota_set": {"volumes": -1, "gigabytes": -1}}),
        ):
            self.admin.call("PUT", service, path, body)
        call = self.demo.call
        network = call("POST", "network", "/v2.0/networks", {"network": {"name": "load"}})["network"]["id"]
        call(
            "POST",
            "network",
            "/v2.0/subnets",
            {"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.99.0.0/16"}},
        )
        flavors = call("GET", "compute", "/v2.1/flavors")["flavors"]
        image = call("GET", "image", "/v2/images?visibility=public")["images"][0]["id"]
        return {
            "project": str(project),
            "network": network,
            "image": image,
            "flavor": next(f["id"] for f in flavors if f["name"] == "m1.nano"),
        }

    # -- stages ----------------------------------------------------------------------------------------------------

    def fill(self, count: int) -> None:
        self._say(f"fill: {count} servers")
        self._create("fill", count)
        self.memory["filled"] = processes.memory(self.plan)

    def mix(self, seconds: float) -> None:
        self._say(f"mix: {self.clients} clients for {seconds:.0f} s")
        record, over = Record(), time.monotonic() + seconds
        clients = [Client(self.plan, record, self.things, seed) for seed in range(self.clients)]

        def work(client: Client) -> None:
            while time.monotonic() < over:
                client.act()

        with processes.Used(self.plan) as used:
            threads = crowd(clients, work)
            self._watch(record, over, seconds)
            for thread in threads:
                thread.join()
        self._report("mix", record, used.per(record.total()))
        self.broken += [f"mix: {line}" for line in record.unsteady(MAX_RATIO)]
        mine = {server for client in clients for server in client.servers}
        self._settle("mix", lambda: self._servers("BUILD"), 0)
        self._lost("mix", mine - set(self._ids()))
        self.memory["mixed"] = processes.memory(self.plan)

    def create(self, count: int) -> None:
        self._say(f"burst: {count} creations at once")
        self.burst = self._create("create", count)
        self.memory["burst"] = processes.memory(self.plan)

    def delete(self) -> None:
        self._say(f"burst: {len(self.burst)} deletions at once")
        self._delete("delete", self.burst)

    def churn(self, count: int) -> None:
        batch = min(count, 10 * self.clients)
        self._say(f"churn: {count} creations and deletions, {batch} at a time")
        for done in range(0, count, batch):
            self._delete("churn", self._create("churn", batch, quiet=True), quiet=True)
            self.memory[f"churn {done + batch}"] = found = processes.memory(self.plan)
            print(f"   {done + batch} of {count}: {sum(found.values()):.0f} MiB", flush=True)

    def clear(self) -> None:
        self._say("clear: everything that is left")
        self._delete("clear", self._ids(), quiet=True)
        for kind, found in self._leftovers().items():
            if found:
                self.broken.append(f"left behind: {found} {kind}")
        self.memory["cleared"] = processes.memory(self.plan)

    def verdict(self) -> int:
        print("\nMemory, PSS in MiB:")
        print(processes.table(self.memory))
        print("\nBroken promises:" if self.broken else "\nAll promises kept.")
        for line in self.broken:
            print(f"   {line}")
        return 1 if self.broken else 0

    # -- what stages are made of -----------------------------------------------------------------------------------

    def _create(self, stage: str, count: int, quiet: bool = False) -> list[str]:
        record, made, before = Record(), list[str](), len(self._ids())

        def one(client: Client, _: Any) -> None:
            server = client.create_server()
            if server:
                made.append(server)

        with processes.Used(self.plan) as used:
            self._spread(record, list(range(count)), one)
            self._settle(stage, lambda: self._servers("BUILD"), 0, quiet)
        self._report(stage, record, used.per(count), quiet)
        if len(made) < count:
            self.broken.append(f"{stage}: {count - len(made)} of {count} creations weren't accepted")
        self._lost(stage, set(made) - set(self._ids("ACTIVE")), "accepted, but not ACTIVE")
        if not quiet:
            print(f"   {len(made)} accepted; {len(self._ids()) - before} servers more than before", flush=True)
        return made

    def _delete(self, stage: str, deleting: list[str], quiet: bool = False) -> None:
        record = Record()
        with processes.Used(self.plan) as used:
            self._spread(record, deleting, lambda client, server: client.delete_server(server))
            self._settle(stage, lambda: len(set(deleting) & set(self._ids())), 0, quiet)
        self._report(stage, record, used.per(len(deleting)), quiet)
        self._lost(stage, set(deleting) & set(self._ids()), "deleted, but still there")

    def _spread(self, record: Record, tasks: list[Any], one: Callable[[Client, Any], object]) -> None:
        """Run all tasks, each on the next free client."""
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)

        def work(client: Client) -> None:
            while True:
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                one(client, task)

        for thread in crowd([Client(self.plan, record, self.things) for _ in range(self.clients)], work):
            thread.join()

    def _settle(self, stage: str, left: Callable[[], int], goal: int, quiet: bool = False) -> None:
        """Wait while there is progress."""
        before, since = -1, time.monotonic()
        while (now := left()) > goal:
            if now != before:
                before, since = now, time.monotonic()
            if time.monotonic() - since > STALLED_S:
                self.broken.append(f"{stage}: {now} don't come to rest")
                return
            if not quiet:
                print(f"   {now} under way", flush=True)
            time.sleep(LOOK_S)

    def _watch(self, record: Record, over: float, seconds: float) -> None:
        """Print the progress, and restart PostgreSQL in the middle if that was asked for."""
        middle = threading.Event()
        while (left := over - time.monotonic()) > 0:
            time.sleep(min(10.0, left))
            if self.postgres and not middle.is_set() and left < seconds / 2:
                middle.set()
                print("   PostgreSQL restarts", flush=True)
                self.postgres.restart()
            print(
                f"   {seconds - left:.0f} s: {record.total()} answers, {record.count(500)} x 5xx, "
                f"{record.count(0, 1)} without an answer",
                flush=True,
            )

    def _report(self, stage: str, record: Record, cost: str, quiet: bool = False) -> None:
        if not quiet:
            print(record.table(), flush=True)
            print(f"   CPU ms an operation: {cost}", flush=True)
        for line in record.odd:
            print(f"   ! {line}", flush=True)
        excused = record.count(503, 504) if self.postgres and stage == "mix" else 0  # the database restarts
        failed = record.count(500) - excused + record.count(0, 1)
        if failed:
            self.broken.append(f"{stage}: {failed} of {record.total()} calls failed (5xx, or no answer)")

    def _lost(self, stage: str, servers: set[str], why: str = "accepted, but not there") -> None:
        if servers:
            self.broken.append(f"{stage}: {len(servers)} servers {why}, e.g. {min(servers)}")
        errors = self._servers("ERROR")
        if errors:
            self.broken.append(f"{stage}: {errors} servers are in ERROR")

    def _servers(self, status: str) -> int:
        return len(self._ids(status))

    def _ids(self, status: str = "") -> list[str]:
        """Return the ids of all of demo's servers."""
        found: list[str] = []
        while True:
            query = (
                f"limit={ONE_PAGE}"
                + (f"&status={status}" if status else "")
                + (f"&marker={found[-1]}" if found else "")
            )
            page = self._patiently("compute", f"/v2.1/servers?{query}")["servers"]
            found += [server["id"] for server in page]
            if len(page) < ONE_PAGE:
                return found

    def _patiently(self, service: str, path: str) -> Any:
        """The load's own look, repeated while the cloud restarts or asks for patience. Any other failure is a fault."""
        from keystoneauth1.exceptions import ClientException, ConnectFailure, HttpError

        for left in reversed(range(10)):
            try:
                return self.demo.call("GET", service, path)
            except ClientException as err:
                busy = isinstance(err, ConnectFailure) or (isinstance(err, HttpError) and err.http_status in (429, 503))
                if not busy:
                    self.broken.append(f"GET {path}: {err}")
                if not left:
                    raise
                time.sleep(3)

    def _leftovers(self) -> dict[str, int]:
        ports = self._patiently("network", f"/v2.0/ports?network_id={self.things['network']}")["ports"]
        usage = self.admin.call("GET", "compute", "/v2.1/os-hypervisors/detail")["hypervisors"]
        return {
            "servers": len(self._ids()),
            "ports of servers": sum(port["device_owner"].startswith("compute:") for port in ports),
            "VCPUs of hosts in use": sum(host.get("vcpus_used", 0) for host in usage),
        }

    def _say(self, what: str) -> None:
        print(f"\n{time.strftime('%H:%M:%S')} {what}", flush=True)
