"""Damage on the machine of an all-in-one cloud: what is on the host, compared with what the services have on record.

The checks run only where the cloud's state directory can be read. Each check reads, and changes nothing.
"""

import configparser
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from pileus_cli.context import Context
from pileus_cli.json_types import JsonObject
from pileus_cli.people.exposed import exposed
from pileus_cli.people.findings import Finding
from pileus_cli.people.object_devices import lost_devices

FULL = 0.92
OFTEN = 3  # ends in a row
SETTLED_S = 30  # seconds of running after which a process counts as healthy, however often it ended before


class Machine:
    """One cloud's traces on this machine and the records that they belong to, each read once."""

    def __init__(self, context: Context, state: Path) -> None:
        self.cloud, self.state = context.cloud, state

    @property
    def is_here(self) -> bool:
        """Return whether this is the state of the cloud that we talk to.

        Several clouds may run on one machine, each with its own ports, and what one of them has is no damage of
        another.
        """
        file = self.state / "run" / "supervisor.json"
        where = urlsplit(self.cloud.config.auth["auth_url"]).netloc
        ours = (*self.option("identity", "bind").split(","), urlsplit(self.option("identity", "public_url")).netloc)
        return os.access(file, os.R_OK) and where in ours

    def option(self, service: str, name: str) -> str:
        parser = configparser.RawConfigParser()
        parser.read(self.state / "etc" / f"{service}.conf")
        return parser.get("DEFAULT", name, fallback="")

    @cached_property
    def prefix(self) -> str:
        return self.option("compute", "prefix")

    @cached_property
    def supervisor(self) -> JsonObject:
        return dict(json.loads((self.state / "run" / "supervisor.json").read_text()))

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
    def guests(self) -> dict[str, str]:
        """Return each domain's name by its id. Raises OSError if libvirt doesn't answer."""
        found = output("virsh", "-c", self.option("compute", "libvirt_uri"), "list", "--all", "--uuid", "--name")
        rows = [line.split(maxsplit=1) for line in found.splitlines() if line.strip()]
        return {row[0]: row[1].strip() for row in rows if len(row) == 2 and row[1].startswith(f"{self.prefix}-")}

    @cached_property
    def interfaces(self) -> set[str]:
        return {link["ifname"] for link in json.loads(output("ip", "-json", "link"))}

    @cached_property
    def namespaces(self) -> set[str]:
        return {line.split()[0] for line in output("ip", "netns").splitlines() if line.strip()}


def output(*command: str) -> str:
    """Run a command and return its output. Raises OSError, also when the command fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(f"{command[0]} doesn't answer") from None
    if done.returncode:
        raise OSError(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout


def runs(pid: int) -> bool:
    """Return whether a process runs; one that ended and waits to be reaped doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def age(pid: int) -> float:
    return time.time() - Path(f"/proc/{pid}").stat().st_mtime


def processes(machine: Machine) -> Iterable[Finding]:
    known = machine.supervisor
    if not runs(known["pid"]):
        yield Finding("supervisor", "error", "supervisor", "it doesn't run", f"pid {known['pid']}", "deploy/up")
        return
    for name, process in known["processes"].items():
        log = f"{machine.state}/logs/{name}.log"
        if not process["pid"] or not runs(process["pid"]):
            yield Finding("processes", "error", name, "it doesn't run", f"{log} says why", "deploy/up")
        elif process["failures"] >= OFTEN and age(process["pid"]) < SETTLED_S:
            yield Finding(
                "failing processes",
                "warning",
                name,
                f"it ended {process['failures']} times in a row",
                log,
                "deploy/status",
            )


def ports_open(machine: Machine) -> Iterable[Finding]:
    """Check that everything listens, the broker included."""
    for name, process in machine.supervisor["processes"].items():
        if not process["port"]:
            continue
        try:
            socket.create_connection((process.get("address", "127.0.0.1"), process["port"]), timeout=3).close()
        except OSError as err:
            yield Finding(
                "listening", "error", name, "nobody listens on its port", f"port {process['port']}: {err}", "deploy/up"
            )


def disk_space(machine: Machine) -> Iterable[Finding]:
    usage = shutil.disk_usage(machine.state)
    if usage.used / usage.total > FULL:
        yield Finding(
            "disk space",
            "error",
            str(machine.state),
            f"{100 * usage.used / usage.total:.0f} % is used",
            f"{usage.free >> 30} GiB are left",
            "delete servers, volumes or images",
        )


def secrets(machine: Machine) -> Iterable[Finding]:
    """Check that the keys exist, and that no other user of the machine can read what the cloud knows."""
    for name in ("fernet-keys", "credential-keys"):
        place = machine.state / name
        if not place.is_dir() or not any(file.is_file() for file in place.iterdir()):
            yield Finding("keys", "error", str(place), "there is no key in it", "tokens can't be issued", "deploy/up")
    for path, mode in exposed(machine.state):
        yield Finding("secrets", "error", str(path), "others can read or change it", mode, f"chmod o-rw {path}")


def guests(machine: Machine) -> Iterable[Finding]:
    """Find guests without a server, servers without their guest, and disks that no guest has."""
    if machine.option("compute", "hypervisor") != "libvirt":
        return
    try:
        found = machine.guests
    except OSError as err:
        yield Finding(
            "libvirt", "error", machine.option("compute", "libvirt_uri"), "it doesn't answer", str(err), "deploy/up"
        )
        return
    host = machine.option("compute", "host")
    here = {id: row for id, row in machine.servers.items() if row.get("OS-EXT-SRV-ATTR:host") == host}
    uri = machine.option("compute", "libvirt_uri")
    for id in found.keys() - here.keys():
        yield Finding(
            "guest without record",
            "error",
            found[id],
            "no server on this host has this guest",
            f"uuid {id}",
            f"virsh -c '{uri}' destroy {id}; virsh -c '{uri}' undefine --nvram {id}",
        )
    for id in here.keys() - found.keys():
        if here[id]["status"] in ("ACTIVE", "PAUSED") and not here[id]["OS-EXT-STS:task_state"]:
            yield Finding(
                "record without guest",
                "error",
                f"server {here[id]['name']}",
                "its guest is gone",
                f"{id} is {here[id]['status']}",
                f"pileus server reboot --hard {id}",
            )
    for place in sorted((machine.state / "instances").iterdir()):
        if place.name not in machine.servers and place.name not in found:
            yield Finding(
                "orphaned disks",
                "error",
                str(place),
                "no server has this disk",
                f"server {place.name}",
                f"rm -r {place}",
            )
    for id, row in here.items():
        if (
            row["status"] in ("ACTIVE", "SHUTOFF")
            and not (machine.state / "instances" / id).exists()
            and (not row["OS-EXT-STS:task_state"])
        ):
            yield Finding(
                "missing disks",
                "error",
                f"server {row['name']}",
                "its disk is gone",
                f"instances/{id}",
                f"pileus server rebuild {id}",
            )


def volume_files(machine: Machine) -> Iterable[Finding]:
    if machine.option("volume", "backend") != "file":
        return
    there = {file.name.removeprefix("volume-"): file for file in (machine.state / "volumes").glob("volume-*")}
    for id, file in sorted(there.items()):
        if id not in machine.volumes:
            yield Finding(
                "orphaned volume files", "error", str(file), "no volume has this file", f"volume {id}", f"rm {file}"
            )
    for id, row in machine.volumes.items():
        if row["status"] in ("available", "in-use") and id not in there:
            yield Finding(
                "missing volume files",
                "error",
                f"volume {row['name'] or id}",
                "its file is gone",
                f"{machine.state}/volumes/volume-{id}",
                f"pileus volume delete {id}",
            )


def wires(machine: Machine) -> Iterable[Finding]:
    """Compare interfaces and namespaces with ports, networks and routers."""
    if machine.option("network", "driver") != "linux":
        return
    prefix, host = machine.prefix, machine.option("network", "host")
    local = [port for port in machine.ports if port.get("binding:host_id") == host and port["admin_state_up"]]
    taps = {f"tap{port['id'][:11]}": port for port in local if not port["device_owner"].startswith("network:")}
    for name, port in taps.items():
        if name not in machine.interfaces:
            yield Finding(
                "missing interface", "error", f"port {port['id']}", "its interface is gone", name, "deploy/up"
            )
    dhcp = {f"{prefix}-dhcp-{port['network_id']}" for port in local if port["device_owner"] == "network:dhcp"}
    routers = {
        f"{prefix}-router-{port['device_id']}"
        for port in local
        if port["device_owner"] in ("network:router_interface", "network:router_gateway")
    }
    for name in sorted((dhcp | routers) - machine.namespaces):
        yield Finding("missing namespace", "error", name, "DHCP or routing of a network doesn't run", name, "deploy/up")
    mine = {name for name in machine.namespaces if name.startswith((f"{prefix}-dhcp-", f"{prefix}-router-"))}
    for name in sorted(mine - dhcp - routers - _empty_routers(machine)):
        yield Finding(
            "namespace without record", "error", name, "no network or router has it", name, f"ip netns delete {name}"
        )
    for name in sorted(dhcp & machine.namespaces):
        pid = Path(f"/run/pileus-{prefix}/dhcp/{name.removeprefix(f'{prefix}-dhcp-')}/pid")
        if pid.exists() and not runs(int(pid.read_text() or 0)):
            yield Finding(
                "DHCP server",
                "error",
                name,
                "dnsmasq doesn't run",
                f"its pid was {pid.read_text().strip()}",
                "deploy/up",
            )
    tables = output("nft", "list", "tables")
    for family in ("bridge", "inet"):
        if taps and f"table {family} pileus_{prefix}\n" not in tables + "\n":
            yield Finding(
                "security groups",
                "error",
                f"table {family} pileus_{prefix}",
                "the rules of ports are gone",
                "nft list tables",
                "deploy/up",
            )


def _empty_routers(machine: Machine) -> set[str]:
    """a router without a port may have its namespace already"""
    return {f"{machine.prefix}-router-{row['id']}" for row in machine.cloud.pages("network", "/routers", "routers")}


def object_devices(machine: Machine) -> Iterable[Finding]:
    return lost_devices(machine.state, machine.option("objectstore", "storage_bind"))


CHECKS = {
    "processes": processes,
    "listening": ports_open,
    "disk space": disk_space,
    "secrets": secrets,
    "guests": guests,
    "volume files": volume_files,
    "wires": wires,
    "object devices": object_devices,
}
