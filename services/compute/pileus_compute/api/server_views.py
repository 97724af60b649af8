"""How a server looks, at each microversion: the one place that knows."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pileus_compute.api.boot_images import OF_RECORD
from pileus_compute.api.requests import base_url, iso, micros
from pileus_compute.core import states
from pileus_compute.core.server_details import Related
from pileus_compute.db.models import DeletedServer, Server, ServerPort
from pileus_kit.web import allowed, version

WITH_PROGRESS = ("ACTIVE", "BUILD", "DELETED", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING")
ATTRIBUTES = "os_compute_api:os-extended-server-attributes"
HOST_STATUS = "os_compute_api:servers:show:host_status"


@dataclass(frozen=True)
class Style:
    """What a request's version and rights make of a view; found out once for a whole list."""

    version: tuple[int, int]
    base: str
    attributes: bool  # OS-EXT-SRV-ATTR:*, for admins
    host_status: bool
    unknown_only: bool  # of the host's statuses it may be told that one
    specs: bool

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
    """Tells hosts apart without naming them: another hash for each project."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


def summary(server: Server | DeletedServer, style: Style) -> dict[str, Any]:
    return {"id": server.id, "name": server.name, "links": _links(style, "servers", server.id)}


def _links(style: Style, kind: str, item_id: str) -> list[dict[str, str]]:
    return [
        {"rel": "self", "href": f"{style.base}/v2.1/{kind}/{item_id}"},
        {"rel": "bookmark", "href": f"{style.base}/{kind}/{item_id}"},
    ]


def detail(
    server: Server | DeletedServer, related: Related, style: Style, host_status: str | None = None
) -> dict[str, Any]:
    """`GET /servers/ID`, and each element of `GET /servers/detail`."""
    spoken = style.version
    status = related.status(server)
    view: dict[str, Any] = {
        "id": server.id,
        "name": server.name,
        "status": status,
        "tenant_id": server.project_id,
        "user_id": server.user_id,
        "metadata": server.meta,
        "hostId": host_id(server.project_id, server.host),
        "image": image_view(server, style),
        "flavor": flavor_view(server, style),
        "created": iso(server.created_at),
        "updated": iso(server.updated_at),
        "addresses": addresses(related.ports.get(server.id, [])),
        "accessIPv4": server.access_ip_v4 or "",
        "accessIPv6": server.access_ip_v6 or "",
        "links": _links(style, "servers", server.id),
        "OS-DCF:diskConfig": server.disk_config,
        "OS-EXT-AZ:availability_zone": server.zone or server.requested_zone or "",
        "config_drive": "True" if server.config_drive else "",
        "key_name": server.key_name,
        "OS-SRV-USG:launched_at": micros(server.launched_at),
        "OS-SRV-USG:terminated_at": micros(getattr(server, "deleted_at", None)),
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
        view |= attributes(server, spoken)
    _newer(view, server, related, style)
    if style.host_status and host_status is not None and (not style.unknown_only or host_status == "UNKNOWN"):
        view["host_status"] = host_status
    return view


def _newer(view: dict[str, Any], server: Server | DeletedServer, related: Related, style: Style) -> None:
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


def image_view(server: Server | DeletedServer, style: Style) -> Any:
    image_id = server.image_id or server.image.get(OF_RECORD)
    if not image_id:
        return ""
    return {"id": image_id, "links": [{"rel": "bookmark", "href": f"{style.base}/images/{image_id}"}]}


def flavor_view(server: Server | DeletedServer, style: Style) -> dict[str, Any]:
    """From 2.47 what the server was made of, before that where to look it up."""
    flavor = server.flavor
    if style.version < (2, 47):
        return {
            "id": server.flavor_id,
            "links": [{"rel": "bookmark", "href": f"{style.base}/flavors/{server.flavor_id}"}],
        }
    view = {
        "vcpus": flavor["vcpus"],
        "ram": flavor["memory_mib"],
        "disk": flavor["disk_gib"],
        "ephemeral": flavor["ephemeral_gib"],
        "swap": flavor["swap_mib"],
        "original_name": flavor["name"],
    }
    if style.specs:
        view["extra_specs"] = flavor.get("extra_specs", {})
    return view


def addresses(ports: list[ServerPort]) -> dict[str, list[dict[str, Any]]]:
    """Network name -> its fixed addresses, each followed by the floating address that leads to it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for port in ports:
        here = found.setdefault(port.network_name, [])
        for fixed in port.fixed_ips:
            address = fixed["ip_address"]
            here.append(_address(address, "fixed", port.mac))
            if address in port.floating_ips:
                here.append(_address(port.floating_ips[address], "floating", port.mac))
    return found


def _address(address: str, kind: str, mac: str) -> dict[str, Any]:
    return {
        "version": 6 if ":" in address else 4,
        "addr": address,
        "OS-EXT-IPS:type": kind,
        "OS-EXT-IPS-MAC:mac_addr": mac,
    }


def volumes_view(server: Server | DeletedServer, related: Related, spoken: tuple[int, int]) -> list[dict[str, Any]]:
    rows = [v for v in related.volumes.get(server.id, ()) if v.volume_id]
    if spoken < (2, 3):
        return [{"id": v.volume_id} for v in rows]
    return [{"id": v.volume_id, "delete_on_termination": v.delete_on_termination} for v in rows]


def attributes(server: Server | DeletedServer, spoken: tuple[int, int]) -> dict[str, Any]:
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


def fault_view(fault: dict[str, Any], style: Style) -> dict[str, Any]:
    """The details are for admins, except that a user may read why an own request failed."""
    view = {"code": fault["code"], "created": fault["created"], "message": fault["message"]}
    if fault.get("details") and (style.attributes or fault["code"] != 500):
        view["details"] = fault["details"]
    return view
