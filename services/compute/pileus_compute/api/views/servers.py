"""How a server looks at each microversion: only this file knows."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from pileus_compute.api.views.links import base_url, bookmark, iso_micros, iso_seconds, links
from pileus_compute.core import states
from pileus_compute.core.boot_images import OF_RECORD
from pileus_compute.core.server_details import Related
from pileus_compute.db.models import DeletedServer, Server, ServerPort
from pileus_kit.json_types import JsonObject
from pileus_kit.microversions import Version
from pileus_kit.web import allowed, version

WITH_PROGRESS = ("ACTIVE", "BUILD", "DELETED", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING")
ATTRIBUTES = "os_compute_api:os-extended-server-attributes"
HOST_STATUS = "os_compute_api:servers:show:host_status"
OF_EXTENSIONS = ("key_name", "config_drive", "security_groups", "host_status", "server_groups")


@dataclass(frozen=True)
class Style:
    """What a request's microversion and its caller's rights make of a view; evaluated once for a whole list."""

    version: Version
    base: str
    attributes: bool
    """With `OS-EXT-SRV-ATTR:*`, which administrators see."""
    host_status: bool
    unknown_only: bool
    """The caller may see no other status of a host than UNKNOWN."""
    extra_specs: bool

    @classmethod
    def of_request(cls) -> "Style":
        spoken = version()
        any_status = allowed(HOST_STATUS)
        return cls(
            spoken,
            base_url(),
            allowed(ATTRIBUTES),
            spoken >= (2, 16) and (any_status or allowed(HOST_STATUS + ":unknown-only")),
            not any_status,
            spoken >= (2, 47) and allowed("os_compute_api:servers:show:flavor-extra-specs"),
        )


@lru_cache(maxsize=4096)
def host_id(project_id: str, host: str | None) -> str:
    """Return what tells hosts apart without naming them: each project sees other hashes."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


def server_summary(server: Server | DeletedServer, style: Style) -> JsonObject:
    """Return an element of `GET /servers`."""
    return {"id": server.id, "name": server.name, "links": links("servers", server.id, style.base)}


def created_view(server: Server, style: Style, groups: list[JsonObject], admin_password: str) -> JsonObject:
    """Return the answer to `POST /servers`."""
    return {
        "id": server.id,
        "links": links("servers", server.id, style.base),
        "OS-DCF:diskConfig": server.disk_config,
        "security_groups": groups,
        "adminPass": admin_password,
    }


def without_extensions(view: JsonObject) -> JsonObject:
    """Return the view of a server without the attributes that extensions had added."""
    view["addresses"] = {
        label: [{"version": a["version"], "addr": a["addr"]} for a in rows] for label, rows in view["addresses"].items()
    }
    return {
        key: value
        for key, value in view.items()
        if not key.startswith(("OS-EXT", "OS-SRV", "os-ext")) and key not in OF_EXTENSIONS
    }


def server_view(
    server: Server | DeletedServer, related: Related, style: Style, host_status: str | None = None
) -> JsonObject:
    """Return the answer to `GET /servers/ID`, and an element of `GET /servers/detail`."""
    spoken = style.version
    status = related.status(server)
    view: JsonObject = {
        "id": server.id,
        "name": server.name,
        "status": status,
        "tenant_id": server.project_id,
        "user_id": server.user_id,
        "metadata": server.meta,
        "hostId": host_id(server.project_id, server.host),
        "image": image_view(server, style),
        "flavor": flavor_view(server, style),
        "created": iso_seconds(server.created_at),
        "updated": iso_seconds(server.updated_at),
        "addresses": addresses_view(related.ports.get(server.id, [])),
        "accessIPv4": server.access_ip_v4 or "",
        "accessIPv6": server.access_ip_v6 or "",
        "links": links("servers", server.id, style.base),
        "OS-DCF:diskConfig": server.disk_config,
        "OS-EXT-AZ:availability_zone": server.zone or server.requested_zone or "",
        "config_drive": "True" if server.config_drive else "",
        "key_name": server.key_name,
        "OS-SRV-USG:launched_at": _micros(server.launched_at),
        "OS-SRV-USG:terminated_at": _micros(getattr(server, "deleted_at", None)),
        "OS-EXT-STS:task_state": related.task_state(server),
        "OS-EXT-STS:vm_state": states.VM_STATES.get(server.status, states.GONE),
        "OS-EXT-STS:power_state": server.power_state,
        "os-extended-volumes:volumes_attached": volumes_view(server, related, spoken),
    }
    if status in WITH_PROGRESS:
        view["progress"] = server.progress
    if server.security_groups:
        view["security_groups"] = [{"name": name} for name in server.security_groups]
    if server.fault and server.status == "ERROR":
        view["fault"] = fault_view(server.fault, style)
    if style.attributes:
        view |= attributes_view(server, spoken)
    _add_newer(view, server, related, style)
    if style.host_status and host_status is not None and (not style.unknown_only or host_status == "UNKNOWN"):
        view["host_status"] = host_status
    return view


def _add_newer(view: JsonObject, server: Server | DeletedServer, related: Related, style: Style) -> None:
    spoken = style.version
    if spoken >= (2, 9):
        view["locked"] = server.locked_by is not None
    if spoken >= (2, 19):
        view["description"] = server.description
    if spoken >= (2, 26):
        view["tags"] = related.tags.get(server.id, [])
    if spoken >= (2, 63):
        view["trusted_image_certificates"] = None
    if spoken >= (2, 73):
        view["locked_reason"] = server.locked_reason
    if spoken >= (2, 90) and "OS-EXT-SRV-ATTR:hostname" not in view:
        view["OS-EXT-SRV-ATTR:hostname"] = server.hostname
    if spoken >= (2, 96):
        view["pinned_availability_zone"] = server.requested_zone


def image_view(server: Server | DeletedServer, style: Style) -> JsonObject | str:
    """Return the image that the server was made from, or that its request named. A server without one has "" there."""
    image_id = server.image_id or server.image.get(OF_RECORD)
    if not image_id:
        return ""
    return {"id": image_id, "links": bookmark("images", image_id, style.base)}


def flavor_view(server: Server | DeletedServer, style: Style) -> JsonObject:
    """Return from 2.47 on what the server was made of, and before where to read it."""
    flavor = server.flavor
    if style.version < (2, 47):
        return {"id": server.flavor_id, "links": bookmark("flavors", server.flavor_id, style.base)}
    view = {
        "vcpus": flavor["vcpus"],
        "ram": flavor["memory_mib"],
        "disk": flavor["disk_gib"],
        "ephemeral": flavor["ephemeral_gib"],
        "swap": flavor["swap_mib"],
        "original_name": flavor["name"],
    }
    if style.extra_specs:
        view["extra_specs"] = flavor.get("extra_specs", {})
    return view


def addresses_view(ports: Iterable[ServerPort]) -> dict[str, list[JsonObject]]:
    """Return the addresses in each network, by its name: a floating address follows the fixed one that it leads to."""
    found: dict[str, list[JsonObject]] = {}
    for port in ports:
        here = found.setdefault(port.network_name, [])
        for fixed in port.fixed_ips:
            address = fixed["ip_address"]
            here.append(_address(address, "fixed", port.mac))
            if address in port.floating_ips:
                here.append(_address(port.floating_ips[address], "floating", port.mac))
    return found


def _address(address: str, kind: str, mac: str) -> JsonObject:
    return {
        "version": 6 if ":" in address else 4,
        "addr": address,
        "OS-EXT-IPS:type": kind,
        "OS-EXT-IPS-MAC:mac_addr": mac,
    }


def _micros(moment: datetime | None) -> str | None:
    return iso_micros(moment) if moment else None


def volumes_view(server: Server | DeletedServer, related: Related, spoken: Version) -> list[JsonObject]:
    rows = [v for v in related.volumes.get(server.id, ()) if v.volume_id]
    if spoken < (2, 3):
        return [{"id": v.volume_id} for v in rows]
    return [{"id": v.volume_id, "delete_on_termination": v.delete_on_termination} for v in rows]


def attributes_view(server: Server | DeletedServer, spoken: Version) -> JsonObject:
    prefix = "OS-EXT-SRV-ATTR:"
    view = {
        prefix + "host": server.host,
        prefix + "hypervisor_hostname": server.host,
        prefix + "instance_name": f"instance-{server.id[:8]}",
    }
    if spoken < (2, 3):
        return view
    return view | {
        prefix + "reservation_id": server.reservation_id,
        prefix + "launch_index": server.launch_index,
        prefix + "hostname": server.hostname,
        prefix + "kernel_id": server.image.get("kernel_id") or "",
        prefix + "ramdisk_id": server.image.get("ramdisk_id") or "",
        prefix + "root_device_name": server.root_device,
        prefix + "user_data": server.user_data,
    }


def fault_view(fault: JsonObject, style: Style) -> JsonObject:
    """Return the fault. Its details are for administrators, and for users if their own request was at fault."""
    view = {"code": fault["code"], "created": fault["created"], "message": fault["message"]}
    if fault.get("details") and (style.attributes or fault["code"] != 500):
        view["details"] = fault["details"]
    return view
