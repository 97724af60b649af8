"""What a machine keeps that would be lost with it: volumes and replicas of objects. Removal asks here first."""

from collections.abc import Mapping

from pileus_deploy import object_hosts
from pileus_deploy.bootstrap import Cloud
from pileus_deploy.cloud_hosts import CloudHost
from pileus_deploy.host_records import HostRecord
from pileus_deploy.membership import NoMembers
from pileus_deploy.object_hosts import address, keeps_objects, manage
from pileus_deploy.plan import Plan

PAGE = 1000
MAX_NAMES = 1000


def add_object_hosts(plan: Plan, cloud: Cloud, members: Mapping[str, HostRecord], known: dict[str, CloudHost]) -> None:
    """Add what the object store says of the machines that keep objects."""
    keepers = {name: record for name, record in members.items() if keeps_objects(record)}
    seen = object_hosts.load(cloud) if keepers else {}
    for name, record in keepers.items():
        told = seen.get(address(plan, record))
        if told is not None:
            host = known.setdefault(name, CloudHost(name))
            host.services["object"] = "down" if told.silence else "up"
            host.is_drained |= told.is_drained


def count(plan: Plan, cloud: Cloud, record: HostRecord | None, host: CloudHost | None) -> dict[str, object]:
    """Return what `pileus host show` says of a machine's volumes and objects; nothing of those that it can't keep."""
    found: dict[str, object] = {}
    if host and host.volume_hosts:
        found["volumes"] = len(volumes_on(cloud, host))
    if record and keeps_objects(record):
        found["partitions"] = held_partitions(plan, record)
    return found


def held_partitions(plan: Plan, record: HostRecord) -> str:
    """Return how many partitions of the rings are on the machine, or why that is unknown."""
    try:
        return manage(plan, "holds", address(plan, record)).splitlines()[-1]
    except object_hosts.NotMoved as err:
        return f"unknown: {err}"


def volumes_on(cloud: Cloud, host: CloudHost) -> list[str]:
    """Return the names of the volumes on the machine, at most 1,000; ids of those without one."""
    found: list[str] = []
    marker = ""
    while host.volume_hosts and len(found) < MAX_NAMES:
        path = f"/v3/{{project}}/volumes/detail?all_tenants=1&limit={PAGE}{f'&marker={marker}' if marker else ''}"
        rows = cloud.call("GET", "volume", path)["volumes"]
        names = (row for row in rows if str(row["os-vol-host-attr:host"]).partition("#")[0] in host.volume_hosts)
        found += [row["name"] or row["id"] for row in names]
        if len(rows) < PAGE:
            break
        marker = rows[-1]["id"]
    return found[:MAX_NAMES]


def drain_objects(plan: Plan, record: HostRecord) -> str:
    """Give the machine's devices no share any more. Returns what the rings did. Raises NotMoved."""
    manage(plan, "drain", address(plan, record))
    return f"`pileus host show {record.name}` says how many partitions are left"


def resume_objects(plan: Plan, record: HostRecord) -> None:
    """Give the machine's devices their share again. Raises NotMoved."""
    manage(plan, "resume", address(plan, record))


def leave_rings(plan: Plan, record: HostRecord) -> str:
    """Take the machine out of the rings. Returns what became of its replicas. Raises NotMoved."""
    moved = manage(plan, "leave", address(plan, record))
    return "others make again what it held" if moved and " 0 replicas" not in moved else ""


def check_empty(plan: Plan, cloud: Cloud, record: HostRecord | None, host: CloudHost | None) -> None:
    """Raise NoMembers if something would be lost with the machine."""
    volumes = volumes_on(cloud, host) if host else []
    if volumes and host:
        raise NoMembers(
            f"{host.name} keeps {len(volumes)} volumes ({', '.join(volumes[:5])}); `pileus host drain {host.name}` "
            "lets no more come; delete them, or back them up and restore them elsewhere, or use --force if the machine "
            "is lost"
        )
    if record and record.is_member and keeps_objects(record):
        left = held_partitions(plan, record)
        if left != "0":
            raise NoMembers(
                f"{record.name} holds replicas of objects ({left} partitions); `pileus host drain {record.name}` moves "
                "them away, which `pileus host show` tells; use --force if the machine is lost: the others make again "
                "what it held"
            )
