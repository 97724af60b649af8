"""Damage on a machine of the cloud: what is on it, compared with what the services have on record.

What is on a machine is a plain inspection (`pileus_kit.inspection`): made here where the cloud's state is, and by the
agents of the other machines, which the services ask. Those aren't trusted: what a machine says is quoted before it is
part of a command.
"""

import configparser
import os
import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from pileus_cli.context import Context
from pileus_cli.json_types import JsonObject
from pileus_cli.people.findings import Finding

FULL = 0.92
OFTEN = 3  # ends in a row
SETTLED_S = 30  # seconds of running after which a process counts as healthy, however often it ended before
CERTIFICATE_DAYS = 7
"""A machine renews its certificate when ten days are left."""


class Records:
    """What the services have on record, each kind read once for all machines."""

    def __init__(self, context: Context) -> None:
        self.cloud = context.cloud

    @cached_property
    def servers(self) -> dict[str, JsonObject]:
        rows = self.cloud.pages("compute", "/servers/detail", "servers", {"all_tenants": "1"})
        return {row["id"]: row for row in rows}

    @cached_property
    def volumes(self) -> dict[str, JsonObject]:
        rows = self.cloud.pages("volume", "/volumes/detail", "volumes", {"all_tenants": "1"})
        return {row["id"]: row for row in rows}

    @cached_property
    def ports(self) -> list[JsonObject]:
        return list(self.cloud.pages("network", "/ports", "ports"))

    @cached_property
    def routers(self) -> frozenset[str]:
        return frozenset(row["id"] for row in self.cloud.pages("network", "/routers", "routers"))


@dataclass(frozen=True)
class Machine:
    """One machine of the cloud: its name, its inspection, and what the services have on record."""

    host: str
    found: JsonObject
    records: Records

    @property
    def facts(self) -> JsonObject:
        """What is true of the machine as such."""
        return dict(self.found["machine"])


def is_here(context: Context, state: Path) -> bool:
    """Return whether this is the state of the cloud that we talk to.

    Several clouds may run on one machine, each with its own ports, and what one of them has is no damage of another.
    """
    where = urlsplit(context.cloud.config.auth["auth_url"]).netloc
    parser = configparser.RawConfigParser()
    parser.read(state / "etc" / "identity.conf")
    bind, public = (parser.get("DEFAULT", name, fallback="") for name in ("bind", "public_url"))
    return os.access(state / "run" / "supervisor.json", os.R_OK) and where in (
        *bind.split(","),
        urlsplit(public).netloc,
    )


def processes(machine: Machine) -> Iterable[Finding]:
    facts = machine.facts
    if facts["supervisor_pid"] and not facts["is_supervised"]:
        yield Finding(
            "supervisor", "error", "supervisor", "it doesn't run", f"pid {facts['supervisor_pid']}", "deploy/up"
        )
        return
    for process in facts["processes"]:
        log = f"{facts['state']}/logs/{process['name']}.log"
        if not process["is_running"]:
            yield Finding("processes", "error", process["name"], "it doesn't run", f"{log} says why", "deploy/up")
        elif process["failures"] >= OFTEN and process["age_s"] < SETTLED_S:
            yield Finding(
                "failing processes",
                "warning",
                process["name"],
                f"it ended {process['failures']} times in a row",
                log,
                "deploy/status",
            )


def ports_open(machine: Machine) -> Iterable[Finding]:
    """Check that everything listens, the broker included."""
    for process in machine.facts["processes"]:
        if process["port_error"]:
            evidence = f"port {process['port']}: {process['port_error']}"
            yield Finding("listening", "error", process["name"], "nobody listens on its port", evidence, "deploy/up")


def disk_space(machine: Machine) -> Iterable[Finding]:
    total, free = machine.facts["disk_bytes"], machine.facts["disk_free_bytes"]
    if total and 1 - free / total > FULL:
        yield Finding(
            "disk space",
            "error",
            machine.facts["state"],
            f"{100 * (1 - free / total):.0f} % is used",
            f"{free >> 30} GiB are left",
            "delete servers, volumes or images",
        )


def secrets(machine: Machine) -> Iterable[Finding]:
    """Check that the keys exist, and that no other user of the machine can read what the cloud knows."""
    for place in machine.facts["empty_key_directories"]:
        yield Finding("keys", "error", place, "there is no key in it", "tokens can't be issued", "deploy/up")
    for one in machine.facts["exposed"]:
        mend = f"chmod o-rw {shlex.quote(one['path'])}"
        yield Finding("secrets", "error", one["path"], "others can read or change it", f"mode {one['how']}", mend)


def certificate(machine: Machine) -> Iterable[Finding]:
    """Check that the certificate by which the machine proves itself is renewed."""
    end = machine.facts["certificate_end"]
    if end is not None and (days := (end - time.time()) / 86400) < CERTIFICATE_DAYS:
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(end))
        yield Finding(
            "machine certificates",
            "error" if days < 0 else "warning",
            f"certificate of {machine.host}",
            f"it ends in {days:.0f} days and was not renewed",
            f"on {when}",
            "deploy/up",
        )


def guests(machine: Machine) -> Iterable[Finding]:
    """Find guests without a server, servers without their guest, and disks that no guest has."""
    found, servers = machine.found["guests"], machine.records.servers if machine.found["guests"] else {}
    if not found:
        return
    if found["unreachable"]:
        yield Finding("libvirt", "error", found["uri"], "it doesn't answer", found["unreachable"], "deploy/up")
        return
    domains, uri, state = found["domains"], shlex.quote(found["uri"]), machine.facts["state"]
    here = {id: row for id, row in servers.items() if row.get("OS-EXT-SRV-ATTR:host") == machine.host}
    for id in domains.keys() - here.keys() - {id for id, row in servers.items() if _moves(row)}:
        yield Finding(
            "guest without record",
            "error",
            domains[id],
            "no server on this host has this guest",
            f"uuid {id}",
            f"virsh -c {uri} destroy {shlex.quote(id)}; virsh -c {uri} undefine --nvram {shlex.quote(id)}",
        )
    for id in here.keys() - domains.keys():
        if here[id]["status"] in ("ACTIVE", "PAUSED") and not here[id]["OS-EXT-STS:task_state"]:
            yield Finding(
                "record without guest",
                "error",
                f"server {here[id]['name']}",
                "its guest is gone",
                f"{id} is {here[id]['status']}",
                f"pileus server reboot --hard {id}",
            )
    for name in found["disks"]:
        if name not in servers and name not in domains:
            place = f"{state}/instances/{name}"
            mend = f"rm -r {shlex.quote(place)}"
            yield Finding("orphaned disks", "error", place, "no server has this disk", f"server {name}", mend)
    for id, row in here.items():
        if row["status"] in ("ACTIVE", "SHUTOFF") and id not in found["disks"] and not row["OS-EXT-STS:task_state"]:
            yield Finding(
                "missing disks",
                "error",
                f"server {row['name']}",
                "its disk is gone",
                f"instances/{id}",
                f"pileus server rebuild {id}",
            )


def _moves(server: JsonObject) -> bool:
    """Whether the host that the server came from keeps its guest still: until its user confirms the move."""
    return server["status"] == "VERIFY_RESIZE" or bool(server["OS-EXT-STS:task_state"])


def limits(machine: Machine) -> Iterable[Finding]:
    """Tell of guests that no control group limits: no damage, but worth knowing before a guest misbehaves."""
    found = machine.found["guests"]
    if found and found["unlimited"]:
        yield Finding(
            "limits of guests",
            "info",
            f"{found['unlimited']} guests",
            f"nothing limits their use of {', '.join(found['unlimited_by'])}",
            "where a machine gives no control groups, the log of compute-agent says why",
        )


def volume_files(machine: Machine) -> Iterable[Finding]:
    if not machine.found["volumes"]:
        return
    directory, there = machine.found["volumes"]["directory"], set(machine.found["volumes"]["volumes"])
    volumes = machine.records.volumes
    for id in sorted(there - volumes.keys()):
        file = f"{directory}/volume-{id}"
        mend = f"rm {shlex.quote(file)}"
        yield Finding("orphaned volume files", "error", file, "no volume has this file", f"volume {id}", mend)
    for id, row in volumes.items():
        where = str(row.get("os-vol-host-attr:host") or "").partition("@")[0]
        if row["status"] in ("available", "in-use") and where == machine.host and id not in there:
            yield Finding(
                "missing volume files",
                "error",
                f"volume {row['name'] or id}",
                "its file is gone",
                f"{directory}/volume-{id}",
                f"pileus volume delete {id}",
            )


def wires(machine: Machine) -> Iterable[Finding]:
    """Compare interfaces and namespaces with ports, networks and routers."""
    found = machine.found["network"]
    if not found:
        return
    if found["unreadable"]:
        yield Finding("network of a machine", "error", machine.host, "it can't be inspected", found["unreadable"])
        return
    prefix = found["prefix"]
    local = [
        port for port in machine.records.ports if port.get("binding:host_id") == machine.host and port["admin_state_up"]
    ]
    taps = {f"tap{port['id'][:11]}": port for port in local if not port["device_owner"].startswith("network:")}
    for name, port in taps.items():
        if name not in found["interfaces"]:
            yield Finding(
                "missing interface", "error", f"port {port['id']}", "its interface is gone", name, "deploy/up"
            )
    yield from _namespaces(machine, local)
    for one in found["dead_dhcp"]:
        evidence = f"its pid was {one['pid']}"
        yield Finding("DHCP server", "error", one["namespace"], "dnsmasq doesn't run", evidence, "deploy/up")
    for family in ("bridge", "inet"):
        table = f"{family} pileus_{prefix}"
        if taps and table not in found["tables"]:
            cause = "the rules of ports are gone"
            yield Finding("security groups", "error", f"table {table}", cause, "nft list tables", "deploy/up")


def _namespaces(machine: Machine, local: list[JsonObject]) -> Iterable[Finding]:
    prefix, there = machine.found["network"]["prefix"], set(machine.found["network"]["namespaces"])
    dhcp = {f"{prefix}-dhcp-{port['network_id']}" for port in local if port["device_owner"] == "network:dhcp"}
    routers = {
        f"{prefix}-router-{port['device_id']}"
        for port in local
        if port["device_owner"] in ("network:router_interface", "network:router_gateway")
    }
    for name in sorted((dhcp | routers) - there):
        yield Finding("missing namespace", "error", name, "DHCP or routing of a network doesn't run", name, "deploy/up")
    without_ports = {f"{prefix}-router-{id}" for id in machine.records.routers}  # may have their namespaces already
    mine = {name for name in there if name.startswith((f"{prefix}-dhcp-", f"{prefix}-router-"))}
    for name in sorted(mine - dhcp - routers - without_ports):
        mend = f"ip netns delete {shlex.quote(name)}"
        yield Finding("namespace without record", "error", name, "no network or router has it", name, mend)


def object_devices(machine: Machine) -> Iterable[Finding]:
    for one in machine.found["devices"]:
        yield Finding(one["check"], "error", one["thing"], one["cause"], one["evidence"], one["mend"])


CHECKS = {
    "processes": processes,
    "listening": ports_open,
    "disk space": disk_space,
    "secrets": secrets,
    "machine certificates": certificate,
    "guests": guests,
    "volume files": volume_files,
    "wires": wires,
    "object devices": object_devices,
    "limits of guests": limits,
}
