"""From the body of `POST /servers` to a checked wish: everything that can be refused is refused here."""

import secrets
import string
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from pileus_compute.api import block_devices, requested_networks
from pileus_compute.api.block_devices import Disks
from pileus_compute.api.boot_images import check_fits
from pileus_compute.api.requests import address, visible_project
from pileus_compute.api.schemas import truth
from pileus_compute.core import flavors, hosts, image_properties, keypairs, quotas, server_groups
from pileus_compute.core.servers import ServerRequest
from pileus_compute.db.models import Flavor
from pileus_compute.errors import FlavorNotFound, GroupNotFound, KeypairNotFound, QuotaExceeded
from pileus_kit.errors import BadRequest
from pileus_kit.web import allowed, caller, enforce, tools, version

RULE = "os_compute_api:servers:create"
MOST = 1000  # servers in one request
LARGEST_HINTS = 16384  # bytes of JSON
PASSWORD_LETTERS = string.ascii_letters + string.digits


def password() -> str:
    return "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(12))


def parse(body: dict[str, Any]) -> tuple[ServerRequest, str]:
    """The wish and the administrator's password. Asks the image, network and volume services with the user's token."""
    wish = body["server"]
    hints = _bounded(body.get("os:scheduler_hints") or body.get("OS-SCH-HNT:scheduler_hints") or {})
    least, most = _counts(wish)
    if wish.get("personality"):
        raise BadRequest(why="Injected files are not supported: use user data or a config drive.")
    if wish.get("trusted_image_certificates"):
        raise BadRequest(why="Trusted image certificates are not supported by this cloud.")
    if wish.get("hostname") and most > 1:
        raise BadRequest(why="Unable to allocate a single hostname to multiple instances")
    known, flavor = _from_database(wish, hints)
    disks = block_devices.parse(wish, (flavor.ephemeral_gib, flavor.swap_mib))
    _check_image(disks, flavor)
    if most > 1 and any(v.source == "volume" for v in disks.volumes):
        raise BadRequest(why="Cannot attach one or more volumes to multiple instances")
    networks = requested_networks.parse(wish.get("networks"), most)
    group_ids, group_names = requested_networks.security_groups(wish.get("security_groups") or [], networks)
    secret = wish.get("adminPass") or password()
    drive = truth(wish.get("config_drive", False)) or image_properties.needs_drive(
        disks.facts
    )  # how a password gets inside
    columns = known | {
        "name": wish["name"].strip(),
        "description": _description(wish),
        "hostname": wish.get("hostname", ""),
        "project_id": caller().project_id,
        "user_id": caller().user_id,
        "image_id": disks.image_id,
        "image": disks.facts,
        "meta": wish.get("metadata") or {},
        "user_data": wish.get("user_data"),
        "admin_password": secret if drive else None,
        "config_drive": drive,
        "disk_config": _disk_config(wish, disks.facts),
        "access_ip_v4": address(wish.get("accessIPv4")),
        "access_ip_v6": address(wish.get("accessIPv6")),
        "scheduler_hints": hints,
        "security_groups": group_names,
    }
    return ServerRequest(
        columns, most, least, networks, group_ids, disks.volumes, tuple(wish.get("tags", ())), numbered=most > 1
    ), secret


def _bounded(hints: dict[str, Any]) -> dict[str, Any]:
    """Hints may hold anything, are kept with each server, and are read at every placement of it."""
    if len(msgspec.json.encode(hints)) > LARGEST_HINTS:
        raise BadRequest(
            why=f"Invalid input for field/attribute os:scheduler_hints. They have more than {LARGEST_HINTS} bytes."
        )
    return hints


def _counts(wish: dict[str, Any]) -> tuple[int, int]:
    least = int(wish.get("min_count") or 1)
    most = int(wish.get("max_count") or least)
    if least > most:
        raise BadRequest(why="min_count must be <= max_count")
    if most > MOST:
        raise BadRequest(why=f"At most {MOST} servers may be asked for at once.")
    return least, most


def _description(wish: dict[str, Any]) -> str | None:
    """Before 2.19 servers had no description, and showed their name in its place."""
    if version() < (2, 19):
        return str(wish["name"]).strip()
    return wish.get("description")


def _disk_config(wish: dict[str, Any], image: dict[str, Any]) -> str:
    return str(wish.get("OS-DCF:diskConfig") or image.get("auto_disk_config_name") or "MANUAL")


def _from_database(wish: dict[str, Any], hints: dict[str, Any]) -> tuple[dict[str, Any], Flavor]:
    who = caller()
    with tools().sessions.read() as session:
        try:
            flavor = flavors.find(
                session, str(wish["flavorRef"]).rpartition("/")[2], who.project_id, everything=who.is_admin
            )
        except FlavorNotFound as err:
            raise BadRequest(why=str(err)) from None
        key = _keypair(session, wish.get("key_name"))
        quotas.check_metadata(session, who.project_id or "", wish.get("metadata") or {})
        placed = _placement(session, wish)
        group = _group(session, hints)
    return key | placed | {
        "group_id": group,
        "flavor_id": flavor.id,
        "flavor": flavors.copy_of(flavor),
        "vcpus": flavor.vcpus,
        "memory_mib": flavor.memory_mib,
    }, flavor


def _keypair(session: Session, name: str | None) -> dict[str, Any]:
    if not name:
        return {}
    try:
        keypair = keypairs.find(session, caller().user_id, name)
    except KeypairNotFound:
        raise BadRequest(why="Invalid key_name provided.") from None
    return {"key_name": name, "public_key": keypair.public_key, "key_type": keypair.type}


def _group(session: Session, hints: dict[str, Any]) -> str | None:
    if "group" not in hints:
        return None
    try:
        group = server_groups.find(session, hints["group"], visible_project())
    except GroupNotFound as err:
        raise BadRequest(why=str(err)) from None
    if server_groups.is_full(session, group):
        raise QuotaExceeded(why="Quota exceeded, too many servers in group")
    return group.id


def _placement(session: Session, wish: dict[str, Any]) -> dict[str, Any]:
    """`zone`, or for admins `zone:host`, or from 2.74 the host by its own attribute."""
    zone, _, forced = str(wish.get("availability_zone") or "").partition(":")
    forced = forced.partition(":")[0] or forced.partition(":")[2]
    if forced:
        enforce("os_compute_api:servers:create:forced_host")
    named = wish.get("host") or wish.get("hypervisor_hostname")
    if named:
        enforce("compute:servers:create:requested_destination")
    if named and forced:
        raise BadRequest(
            why="One mechanism with host and/or hypervisor_hostname and another mechanism with "
            "zone:host:node are mutually exclusive."
        )
    target = forced or named
    if zone or target:
        names, zones = hosts.names_and_zones(session, tools().config.default_zone)
        if target and target not in names:
            raise BadRequest(why=f"Compute host {target} could not be found.")
        if zone and zone not in zones:
            raise BadRequest(why="The requested availability zone is not available")
    return {"requested_zone": zone or None, "requested_host": target or None}


def _check_image(disks: Disks, flavor: Flavor) -> None:
    """The image that it is made from fits, on a local disk or in a volume."""
    if disks.image:
        check_fits(disks.image, flavor.memory_mib, flavor.disk_gib if disks.image_id else disks.root_gib)
    if disks.image_id and flavor.disk_gib == 0 and not allowed("os_compute_api:servers:create:zero_disk_flavor"):
        enforce("os_compute_api:servers:create:zero_disk_flavor")
