"""`pileus top`: what the cloud does now: hosts, guests, operations and their age."""

import json
import os
import select
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import Refused, Unreachable
from pileus_cli.json_types import JsonObject
from pileus_cli.people.trace import SERVICES
from pileus_cli.people.why import everywhere

L3_AGENT = "L3 agent"  # the network service shows a host as three agents, of which one is enough
USED = ("servers", "vCPUs", "memory MiB", "disk GiB")


def look(context: Context) -> JsonObject:
    """Collect what the caller may see and services answer.

    Returns {hosts, None if they aren't for this user; servers: {status: count}; operations; services: {name: ms, None
    if it doesn't answer}}.
    """
    services = _answers(context)
    up = [name for name, took in services.items() if took is not None]
    found: JsonObject = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "hosts": None,
        "servers": {},
        "operations": _operations(context, [name for name in SERVICES if name in up]),
        "services": services,
    }
    if "compute" in up:
        admin = "admin" in context.cloud.login()["roles"]
        found["servers"] = Counter(
            row["status"]
            for row in context.cloud.pages(
                "compute", "/servers/detail", "servers", {"all_tenants": "1"} if admin else {}
            )
        )
        found["hosts"] = _hosts(context, up) if admin else None
    return found


def _hosts(context: Context, services: Sequence[str]) -> list[JsonObject]:
    """Return every machine that has an agent: those with guests first, with what these use."""
    agents = _agents(context, services)
    rows = list(context.cloud.pages("compute", "/os-hypervisors/detail", "hypervisors", version="2.79"))
    names = {row["hypervisor_hostname"] for row in rows}
    others = [{"name": name, "agents": told, **dict.fromkeys(USED, "-")} for name, told in agents.items()]
    return [
        {
            "name": row["hypervisor_hostname"],
            "agents": ", ".join(filter(None, (f"compute {row['state']}", agents.get(row["hypervisor_hostname"])))),
            "servers": row.get("running_vms"),
            "vCPUs": f"{row.get('vcpus_used')} on {row.get('vcpus')} CPUs",  # several services share one endpoint
            "memory MiB": f"{row.get('memory_mb_used')}/{row.get('memory_mb')}",
            "disk GiB": f"{row.get('local_gb_used')}/{row.get('local_gb')}",
        }
        for row in rows
    ] + [row for row in others if row["name"] not in names]


def _agents(context: Context, services: Sequence[str]) -> dict[str, str]:
    """Return "network up, volume down" by the machine's name; a silent storage server is known by its address."""
    found: dict[str, list[str]] = {}
    if "network" in services:
        rows = context.cloud.call("network", "GET", "/agents", query={"agent_type": L3_AGENT})["agents"]
        for row in rows:
            found.setdefault(row["host"], []).append(f"network {'up' if row['alive'] else 'down'}")
    if "volume" in services:
        rows = context.cloud.call("volume", "GET", "/os-services", query={"binary": "cinder-volume"})["services"]
        for row in rows:
            found.setdefault(row["host"].partition("@")[0], []).append(f"volume {row['state']}")
    if "object-store" in services:
        for address, told in context.cloud.call("object-store", "GET", "/operations/hosts")["hosts"].items():
            is_up = not isinstance(told, str)
            name = told.get("machine") if is_up else ""
            found.setdefault(name or address.rpartition(":")[0], []).append(f"object {'up' if is_up else 'down'}")
    return {name: ", ".join(states) for name, states in sorted(found.items())}


def _operations(context: Context, services: Sequence[str]) -> list[JsonObject]:
    found = []
    for service in services:
        try:
            jobs = context.cloud.call(service, "GET", "/operations/jobs", query={"live": "true", **everywhere(context)})
        except Refused:
            continue
        found += [
            {
                "service": service,
                "operation": job["flow"],
                "subject": job["subject"],
                "step": job["step"],
                "state": job["state"],
                "age s": round((datetime.now(UTC) - datetime.fromisoformat(job["created_at"])).total_seconds(), 1),
            }
            for job in jobs["jobs"]
        ]
    return sorted(found, key=lambda job: -float(job["age s"]))


def _answers(context: Context) -> dict[str, float | None]:
    """Measure how fast each service answers its health check; None if it doesn't."""
    found: dict[str, float | None] = {}
    for service in (*SERVICES, "identity", "object-store"):
        if context.cloud.offers(service):
            began = time.monotonic()
            try:
                context.cloud.request("GET", f"{context.cloud.root(service)}/healthcheck")
                found[service] = round(1000 * (time.monotonic() - began), 1)
            except (Refused, Unreachable):
                found[service] = None
    return found


def top(context: Context, given: Namespace) -> int:
    if given.json:
        print(json.dumps(look(context), indent=2))
        return 0
    from rich.console import Console

    if given.once:
        Console().print(_screen(look(context)))
        return 0
    from rich.live import Live

    # Keys first: preparing the terminal for them throws away what was typed before.
    with Keys() as keys, Live(_screen(look(context)), screen=True, auto_refresh=False) as live:
        try:
            while keys.next(given.every) not in ("q", "Q", "\x03", "\x1b"):
                live.update(_screen(look(context)), refresh=True)
        except KeyboardInterrupt:
            pass
    return 0


class Keys:
    """Reads keys from the terminal one by one and unseen; reads nothing where there is no terminal."""

    def __enter__(self) -> "Keys":
        self._before: list[Any] | None = None
        if sys.stdin.isatty():
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def next(self, seconds: float) -> str:
        """Return the next key, or "" if none comes within `seconds`."""
        if self._before is None:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if ready else ""

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)


def _screen(found: JsonObject) -> Any:
    from rich.console import Group
    from rich.table import Table

    def table(title: str, rows: list[JsonObject]) -> Table:
        made = Table(title=f"{title}: {len(rows)}", title_justify="left", expand=True)
        for name in rows[0] if rows else ("nothing",):
            made.add_column(name)
        for row in rows[:30]:
            made.add_row(*map(str, row.values()))
        return made

    servers = ", ".join(f"{count} {status}" for status, count in sorted(found["servers"].items())) or "none"
    services = ", ".join(
        f"{name} {'does not answer' if ms is None else f'{ms} ms'}" for name, ms in found["services"].items()
    )
    hosts = "hosts: administrators see them" if found["hosts"] is None else table("hosts", found["hosts"])
    return Group(
        f"{found['at']}   servers: {servers}   q leaves",
        f"services: {services}",
        hosts,
        table("operations", found["operations"]),
    )


COMMANDS = [
    Command(
        "top",
        "What the cloud does now, as far as you may see it",
        (
            arg("--once", "print it once", action="store_true"),
            arg("--json", action="store_true"),
            arg("--every", "seconds", type=float, default=2.0),
        ),
        top,
        ("pileus top --once", "pileus top --json"),
        "compute",
    )
]
