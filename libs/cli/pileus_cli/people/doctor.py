"""Looks for damage: in what the services report, and on every machine of the cloud."""

import functools
import json
import time
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import Refused, Trouble, Unreachable
from pileus_cli.json_types import JsonObject
from pileus_cli.people import machine, machines
from pileus_cli.people.certificates import certificates
from pileus_cli.people.findings import Finding
from pileus_cli.people.trace import SERVICES

STATE = Path("/var/lib/pileus")
OVERDUE_S = 120.0
SKEW_S = 5.0
LATE_S = 3600.0
REPAIRING = ("replicator", "reconstructor")
"""Daemons of storage hosts that make a pass each minute."""


Check = Callable[[Context], Iterable[Finding]]


def doctor(context: Context, given: Namespace) -> int:
    """Make all checks. Returns 0 if nothing is wrong, 1 with warnings, 2 with errors."""
    if "admin" not in context.cloud.login()["roles"]:
        raise Trouble("Only an administrator may look at everything.", "pileus --os-cloud pileus-admin doctor")
    found: list[Finding] = []
    done: list[str] = []
    looks = {
        name: functools.partial(check, context)
        for name, (services, check) in CHECKS.items()
        if all(map(context.cloud.offers, services))
    }
    every = machines.Machines(context, Path(given.state))
    if any(map(context.cloud.offers, machines.WITH_AGENTS)):
        looks["machines"] = functools.partial(machines.silent, every)
    if (Path(given.state) / "run" / "haproxy.sock").exists():
        looks["control machines"] = functools.partial(control_machines, Path(given.state))
    for name, look in looks.items():
        _make(name, look, found, done)
    for one in every.inspected:
        for name, check in machine.CHECKS.items():
            named = name if one.host == every.here else f"{name} of {one.host}"
            _make(named, functools.partial(_on, one, every.here, check), found, done)
    _show(found, done, given.json)
    severities = {one.severity for one in found}
    return 2 if "error" in severities else 1 if "warning" in severities else 0


def _make(name: str, look: Callable[[], Iterable[Finding]], found: list[Finding], done: list[str]) -> None:
    """Make one check; one that can't be made is a finding, too."""
    try:
        found += look()
        done.append(name)
    except (Refused, Unreachable, OSError) as err:
        found.append(Finding(name, "error", name, "the check couldn't be made", str(err), "deploy/status"))


def _on(one: machine.Machine, here: str, check: Callable[[machine.Machine], Iterable[Finding]]) -> Iterable[Finding]:
    """Return the findings of a check, with the machine's name unless it is this one."""
    return check(one) if one.host == here else [replace(finding, machine=one.host) for finding in check(one)]


def _show(found: list[Finding], done: list[str], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"checked": done, "findings": [asdict(one) for one in found]}, indent=2))
        return
    for one in found:
        where = f" on {one.machine}" if one.machine else ""
        text = f"{one.severity}: {one.check}{where}: {one.thing}: {one.cause}\n    {one.evidence}"
        print(printable(text + (f"\n    mend{where}: {one.mend}" if one.mend else "")))
    print(f"{len(done)} checks, {len(found)} findings")


def printable(text: str) -> str:
    """Return the text without what a terminal would obey: names come from tenants, and facts from other machines."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def control_machines(state: Path) -> Iterable[Finding]:
    """Find control machines whose services don't answer, by what HAProxy of this machine knows."""
    from pileus_kit.balancer import served  # is installed where a cloud is

    down: dict[str, list[str]] = {}
    for one in served(state):
        if not one.is_up:
            down.setdefault(one.machine, []).append(f"{one.service} ({one.why})")
    for name, services in down.items():
        evidence = f"last check of {', '.join(services)}"
        yield Finding("control machines", "error", name, "its services don't answer", evidence, "deploy/up there")


# -- what the services tell ----------------------------------------------------------------------------------------


def hosts(context: Context) -> Iterable[Finding]:
    for row in context.cloud.call("compute", "GET", "/os-services", query={"binary": "nova-compute"})["services"]:
        if row["state"] != "up":
            yield Finding(
                "compute hosts",
                "error",
                row["host"],
                "its agent was not heard of",
                f"last seen {row['updated_at']}",
                "deploy/up",
            )
        elif row["status"] != "enabled":
            yield Finding(
                "compute hosts",
                "warning",
                row["host"],
                "it takes no servers",
                f"disabled: {row.get('disabled_reason') or 'no reason given'}",
                f"pileus compute service set --enable {row['host']} nova-compute",
            )


def network_agents(context: Context) -> Iterable[Finding]:
    for row in context.cloud.call("network", "GET", "/agents")["agents"]:
        if not row["alive"]:
            yield Finding(
                "network agents",
                "error",
                f"{row['agent_type']} on {row['host']}",
                "it was not heard of",
                f"last heartbeat {row.get('heartbeat_timestamp')}",
                "deploy/up",
            )


def storage_hosts(context: Context) -> Iterable[Finding]:
    for row in context.cloud.call("volume", "GET", "/os-services")["services"]:
        if row["state"] != "up":
            yield Finding(
                "storage hosts",
                "error",
                f"{row['binary']} on {row['host']}",
                "it was not heard of",
                f"last seen {row['updated_at']}",
                "deploy/up",
            )


def storage_servers(context: Context) -> Iterable[Finding]:
    """Ask the object store how each of its machines is; this one's devices are looked at more closely elsewhere."""
    told = context.cloud.call("object-store", "GET", "/operations/hosts")["hosts"]
    for address, found in told.items():
        if isinstance(found, str):
            what = "objects on it have fewer replicas until it is back"
            yield Finding("storage servers", "error", address, f"it doesn't answer; {what}", found, "deploy/up there")
            continue
        name = found.get("machine") or address
        for device in found["unmounted"] if len(told) > 1 else ():
            cause = "it is gone or not mounted, so what it held has fewer replicas"
            yield Finding("storage servers", "error", f"device {device} of {name}", cause, address, "mount its disk")
        late = [kind for kind, age_s in _ages(found).items() if age_s > LATE_S]
        if late:
            evidence = f"its last pass ended {max(_ages(found)[kind] for kind in late) / 3600:.0f} hours ago"
            cause = f"the {' and the '.join(late)} don't work"
            yield Finding("storage servers", "warning", name, cause, evidence, "deploy/up there")


def _ages(found: JsonObject) -> dict[str, float]:
    """How long ago the daemons that repair replicas ended their last pass, in seconds."""
    kept = {kind: found["daemons"].get(kind) for kind in REPAIRING}
    return {kind: found["time"] - report["ended"] for kind, report in kept.items() if report}


def jobs(context: Context) -> Iterable[Finding]:
    for service in filter(context.cloud.offers, SERVICES):
        query = {"live": "true", "all_projects": "true"}
        for job in context.cloud.call(service, "GET", "/operations/jobs", query=query)["jobs"]:
            age = (datetime.now(UTC) - datetime.fromisoformat(job["updated_at"])).total_seconds()
            what = f"{service} {job['flow']} of {job['subject']}"
            if job["state"] == "stuck":
                yield Finding(
                    "stuck jobs",
                    "error",
                    what,
                    "it can't be undone",
                    str(job["error"]),
                    f"pileus trace {job['request_id']}",
                )
            elif age > OVERDUE_S and time.time() - job["run_at"] > OVERDUE_S:
                yield Finding(
                    "overdue jobs",
                    "error",
                    what,
                    "nobody works on it: its worker may be dead",
                    f"no progress for {age:.0f} s at step {job['step']}",
                    "deploy/up",
                )


def servers(context: Context) -> Iterable[Finding]:
    """Compare the records of servers with those of their ports and volumes."""
    query = {"all_tenants": "1"}
    known = {row["id"]: row for row in context.cloud.pages("compute", "/servers/detail", "servers", query)}
    for row in known.values():
        if row["status"] == "ERROR":
            yield Finding(
                "servers in error",
                "warning",
                f"server {row['name']}",
                str((row.get("fault") or {}).get("message", "it failed")),
                f"id {row['id']}",
                f"pileus why server {row['id']}",
            )
        elif (
            row["status"] == "ACTIVE"
            and row.get("OS-EXT-STS:power_state") not in (1, None)
            and not row.get("OS-EXT-STS:task_state")
        ):
            yield Finding(
                "power",
                "error",
                f"server {row['name']}",
                "it should run and doesn't",
                f"power state {row['OS-EXT-STS:power_state']}",
                f"pileus server reboot --hard {row['id']}",
            )
    for port in context.cloud.pages("network", "/ports", "ports"):
        if port["device_owner"].startswith("compute:") and port["device_id"] not in known:
            yield Finding(
                "orphaned ports",
                "error",
                f"port {port['id']}",
                "its server doesn't exist",
                f"device_id {port['device_id']}",
                f"pileus port delete {port['id']}",
            )
        elif (
            port["status"] == "DOWN"
            and port["device_owner"].startswith("compute:")
            and port["admin_state_up"]
            and known[port["device_id"]]["status"] == "ACTIVE"
        ):
            yield Finding(
                "ports not wired",
                "error",
                f"port {port['id']}",
                "its server runs and its network doesn't",
                f"server {port['device_id']} on {port.get('binding:host_id')}",
                "deploy/up",
            )


def volumes(context: Context) -> Iterable[Finding]:
    known = {row["id"] for row in context.cloud.pages("compute", "/servers", "servers", {"all_tenants": "1"})}
    busy = ("creating", "deleting", "extending", "downloading", "uploading", "retyping")
    live = {
        job["subject"].split("/")[0]
        for job in context.cloud.call(
            "volume", "GET", "/operations/jobs", query={"live": "true", "all_projects": "true"}
        )["jobs"]
    }
    for row in context.cloud.pages("volume", "/volumes/detail", "volumes", {"all_tenants": "1"}):
        name = f"volume {row['name'] or row['id']}"
        if row["status"] in busy and row["id"] not in live:
            yield Finding(
                "volumes at no work",
                "error",
                name,
                f"it is {row['status']}, and nobody works on it",
                f"id {row['id']}",
                f"pileus why volume {row['id']}",
            )
        elif row["status"].startswith("error"):
            yield Finding(
                "volumes in error",
                "warning",
                name,
                f"it is in {row['status']}",
                f"id {row['id']}",
                f"pileus why volume {row['id']}",
            )
        for one in row["attachments"]:
            if one["server_id"] and one["server_id"] not in known:
                yield Finding(
                    "orphaned attachments",
                    "error",
                    name,
                    "its server doesn't exist",
                    f"attachment {one['attachment_id']} of server {one['server_id']}",
                    f"openstack volume attachment delete {one['attachment_id']}",
                )


def images(context: Context) -> Iterable[Finding]:
    for row in context.cloud.pages("image", "/images", "images"):
        if row["status"] in ("killed", "saving", "importing") and _older(row["updated_at"], 3600):
            yield Finding(
                "images at no work",
                "warning",
                f"image {row['name'] or row['id']}",
                f"it is {row['status']}",
                f"since {row['updated_at']}",
                f"pileus image delete {row['id']}",
            )


def _older(text: str, seconds: float) -> bool:
    return (datetime.now(UTC) - datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds() > seconds


def usage(context: Context) -> Iterable[Finding]:
    """Compare what hosts count as used with the flavors of their servers."""
    used: dict[str, list[int]] = {}
    for row in context.cloud.pages("compute", "/servers/detail", "servers", {"all_tenants": "1"}):
        if row["status"] in ("BUILD", "VERIFY_RESIZE", "RESIZE") or row["OS-EXT-STS:task_state"]:
            return  # a server that is being placed or moved counts twice, or not yet
        if row["OS-EXT-SRV-ATTR:hypervisor_hostname"]:
            sums = used.setdefault(row["OS-EXT-SRV-ATTR:hypervisor_hostname"], [0, 0])
            sums[0] += row["flavor"]["vcpus"]
            sums[1] += row["flavor"]["ram"]
    for host in context.cloud.call("compute", "GET", "/os-hypervisors/detail", version="2.79")["hypervisors"]:
        wanted = used.get(host["hypervisor_hostname"], [0, 0])
        counted = [host["vcpus_used"], host["memory_mb_used"]]
        if counted != wanted:
            yield Finding(
                "usage",
                "error",
                f"host {host['hypervisor_hostname']}",
                "it counts what its servers don't use",
                f"vCPUs and MiB: counted {counted}, servers have {wanted}",
            )


def clock(context: Context) -> Iterable[Finding]:
    answer = context.cloud.request("GET", f"{context.cloud.root('identity')}/healthcheck")
    if answer.headers.get("Date"):
        skew = time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp()
        if abs(skew) > SKEW_S:
            yield Finding(
                "clock",
                "error",
                "this machine",
                f"its clock differs from the cloud's by {skew:.0f} s",
                f"the cloud says {answer.headers['Date']}",
                "set the clock (chrony, systemd-timesyncd)",
            )


CHECKS: dict[str, tuple[tuple[str, ...], Check]] = {  # maps a name to the services that the check asks, and the check
    "compute hosts": (("compute",), hosts),
    "network agents": (("network",), network_agents),
    "storage hosts": (("volume",), storage_hosts),
    "storage servers": (("object-store",), storage_servers),
    "jobs": ((), jobs),
    "servers and ports": (("compute", "network"), servers),
    "volumes": (("compute", "volume"), volumes),
    "images": (("image",), images),
    "clock": ((), clock),
    "usage": (("compute",), usage),
    "certificates": ((), certificates),
}
COMMANDS = [
    Command(
        "doctor",
        "Look for damage, and tell what mends it",
        (
            arg("--json", action="store_true"),
            arg("--state", "the cloud's state directory, if it is here", default=str(STATE), metavar="DIR"),
        ),
        doctor,
        ("pileus --os-cloud pileus-admin doctor",),
    )
]
