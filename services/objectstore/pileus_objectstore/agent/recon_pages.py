"""`GET /recon/…`: what Swift's swift-recon and its kind ask of a storage host, by the names and units of Swift's recon.

These pages need no key, so only the networks of the option `recon_networks` get them. What has no counterpart here is
null: swift-recon leaves such a host out of its sums.
"""

import ipaddress
import resource
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from pileus_objectstore.agent.host import Host
from pileus_objectstore.agent.recon_server import ReconServer
from pileus_objectstore.ring.rings import POLICIES_FILE
from pileus_objectstore.storage.daemon_reports import read_reports
from pileus_objectstore.wire.recon_calls import DaemonReport

PREFIX = "/recon/"
MINUTE_S = 60
KIND_OF_PACKS = "packs"
Facts = dict[str, object]


class ReconPages:
    """The pages of one host."""

    def __init__(self, host: Host, state: ReconServer, networks: Sequence[str]) -> None:
        """`networks` may ask for them. Raises ValueError for what is no network."""
        self._host, self._state = host, state
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._pages: dict[str, Callable[[], object]] = {
            "async": self._async_pendings,
            "auditor/account": lambda: dict.fromkeys(_audits("account")),
            "auditor/container": self._listing_auditor,
            "auditor/object": self._object_auditor,
            "devices": lambda: {str(host.state): state.device_names()},
            "diskusage": self._disk_usage,
            "driveaudit": lambda: {"drive_audit_errors": None},
            "expirer/object": self._expirer,
            "load": _load,
            "mem": _memory,
            "mounted": self._mounted,
            "quarantined": self._quarantined,
            "reconstruction/object": self._reconstruction,
            "relinker": lambda: {"devices": None, "workers": None},
            "replication": self._object_replication,
            "replication/account": self._replication,
            "replication/container": self._replication,
            "replication/object": self._object_replication,
            "ringmd5": self._ring_md5,
            "sharding": self._sharding,
            "sockstat": _sockets,
            "swiftconfmd5": self._policies_md5,
            "time": time.time,
            "unmounted": self._unmounted,
            "updater/container": lambda: {"container_updater_sweep": None},
            "updater/object": lambda: dict.fromkeys(
                ("object_updater_sweep", "object_updater_stats", "object_updater_last")
            ),
            "version": lambda: {"version": version("pileus-objectstore")},
        }

    def answer(self, path: str, address: str) -> tuple[int, str, bytes] | None:
        """(status, media type, body) for a sender's address; None if the address may not ask."""
        sender = ipaddress.ip_address(address)
        if not any(sender in network for network in self._networks):
            return None
        page = self._pages.get(path.removeprefix(PREFIX).rstrip("/")) if path.startswith(PREFIX) else None
        if page is None:
            return 404, "text/plain", f"Invalid path: {path}".encode()
        return 200, "application/json", msgspec.json.encode(page())

    def _report(self, name: str) -> DaemonReport | None:
        return read_reports(self._host.state).get(name)

    def _async_pendings(self) -> Facts:
        return {"async_pending": self._state.async_pendings(), "async_pending_last": time.time()}

    def _disk_usage(self) -> list[Facts]:
        return [
            {"device": each.device, "mounted": True, "size": each.size, "used": each.used, "avail": each.avail}
            if each.mounted
            else {"device": each.device, "mounted": False, "size": "", "used": "", "avail": ""}
            for each in self._state.disk_usage()
        ]

    def _mounted(self) -> list[Facts]:
        """This host's devices; other file systems of the machine are not told."""
        home = self._host.state
        return [
            {"device": each.device, "path": str(home / each.device)}
            for each in self._state.disk_usage()
            if each.mounted
        ]

    def _unmounted(self) -> list[Facts]:
        return [{"device": each.device, "mounted": False} for each in self._state.disk_usage() if not each.mounted]

    def _quarantined(self) -> Facts:
        counts = {"objects": 0, "containers": 0, "accounts": 0}
        policies: dict[str, dict[str, int]] = {}
        for kind, count in self._state.quarantined().items():
            noun, _, policy = kind.partition("-")
            noun = "objects" if noun == KIND_OF_PACKS else noun
            if noun not in counts:
                continue
            counts[noun] += count
            if noun == "objects":
                of_policy = policies.setdefault(policy or "0", {"objects": 0})
                of_policy["objects"] += count
        return {**counts, "policies": policies}

    def _ring_md5(self) -> dict[str, str]:
        directory = self._host.rings.directory
        return {
            str(directory / name): digest for name, digest in self._state.ring_md5().items() if name.endswith(".ring")
        }

    def _policies_md5(self) -> dict[str, str | None]:
        """The file of storage policies, which is what all hosts share beside the rings and the cluster's key."""
        directory = self._host.rings.directory
        return {str(directory / POLICIES_FILE): self._state.ring_md5().get(POLICIES_FILE)}

    def _replication(self) -> Facts:
        """The pass of the replicator, which looks after listings and objects. Seconds."""
        report = self._report("replicator")
        return {
            "replication_time": report and report.took,
            "replication_stats": None,
            "replication_last": report and report.ended,
        }

    def _object_replication(self) -> Facts:
        """The same; for objects Swift counts in minutes."""
        report = self._report("replicator")
        minutes = report and report.took / MINUTE_S
        return self._replication() | {
            "replication_time": minutes,
            "object_replication_time": minutes,
            "object_replication_last": report and report.ended,
        }

    def _reconstruction(self) -> Facts:
        report = self._report("reconstructor")
        return {
            "object_reconstruction_last": report and report.ended,
            "object_reconstruction_time": report and report.took / MINUTE_S,
        }

    def _sharding(self) -> Facts:
        report = self._report("sharder")
        return {
            "sharding_stats": None,
            "sharding_time": report and report.took,
            "sharding_last": report and report.ended,
        }

    def _listing_auditor(self) -> Facts:
        report = self._report("listing auditor")
        return dict.fromkeys(_audits("container")) | {
            "container_auditor_pass_completed": report and report.took,
            "container_audits_since": report and report.ended - report.took,
        }

    def _object_auditor(self) -> Facts:
        report = self._report("auditor")
        stats = report and {"audit_time": report.took, "start_time": report.ended - report.took}
        return {"object_auditor_stats_ALL": stats, "object_auditor_stats_ZBF": None}

    def _expirer(self) -> Facts:
        report = self._report("expirer")
        count = report and (report.did.partition(" ")[0] or "0")
        return {
            "object_expiration_pass": report and report.took,
            "expired_last_pass": int(count) if count and count.isdecimal() else None,
        }


def _audits(kind: str) -> tuple[str, ...]:
    return tuple(
        f"{kind}_{what}" for what in ("audits_passed", "auditor_pass_completed", "audits_since", "audits_failed")
    )


def _load() -> Facts:
    one, five, fifteen, tasks, processes = Path("/proc/loadavg").read_text().split()
    return {
        "1m": float(one), "5m": float(five), "15m": float(fifteen), "tasks": tasks, "processes": int(processes)
    }  # fmt: skip


def _memory() -> dict[str, str]:
    lines = (line.partition(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return {name: value.strip() for name, _, value in lines}


def _sockets() -> Facts:
    """What the kernel tells of its TCP sockets; memory in bytes."""
    found: Facts = {}
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            numbers = dict(zip(line.split()[1::2], map(int, line.split()[2::2]), strict=True))
            found = {
                "tcp_in_use": numbers["inuse"],
                "orphan": numbers["orphan"],
                "time_wait": numbers["tw"],
                "tcp_mem_allocated_bytes": numbers["mem"] * resource.getpagesize(),
            }
    of_ipv6 = Path("/proc/net/sockstat6")
    for line in of_ipv6.read_text().splitlines() if of_ipv6.exists() else ():
        if line.startswith("TCP6:"):
            found["tcp6_in_use"] = int(line.split()[2])
    return found
