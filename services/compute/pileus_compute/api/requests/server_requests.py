"""Parses the body of `POST /servers`. Its values are typed and checked from here on, and not looked at again."""

import secrets
import string

import msgspec

from pileus_compute.api.requests import block_devices
from pileus_compute.api.requests.requested_networks import NetworkRequest, NetworkRequests
from pileus_compute.api.requests.server_access import visible_project
from pileus_compute.api.schemas.types import is_true, shortest_address
from pileus_compute.core.servers import Destination, ServerRequest
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.web import allowed, caller, enforce, version

RULE = "os_compute_api:servers:create"
MAX_SERVERS = 1000  # of one request
MAX_HINTS_BYTES = 16384  # of JSON
PASSWORD_CHARACTERS = string.ascii_letters + string.digits
PASSWORD_LENGTH = 12


def new_password() -> str:
    """Return a password for a guest's administrator."""
    return "".join(secrets.choice(PASSWORD_CHARACTERS) for _ in range(PASSWORD_LENGTH))


def parse(body: JsonObject) -> ServerRequest:
    """Return what the body asks for. Raises BadRequest, or Forbidden for what needs a rule of its own."""
    server = body["server"]
    _enforce_rules(server)
    if server.get("personality"):
        raise BadRequest(why="Injected files are not supported: use user data or a config drive.")
    if server.get("trusted_image_certificates"):
        raise BadRequest(why="Trusted image certificates are not supported by this cloud.")
    min_count, max_count = _counts(server)
    if server.get("hostname") and max_count > 1:
        raise BadRequest(why="Unable to allocate a single hostname to multiple instances")
    hints = _hints(body)
    return ServerRequest(
        name=server["name"].strip(),
        project_id=caller().project_id or "",
        user_id=caller().user_id,
        flavor_id=str(server["flavorRef"]).rpartition("/")[2],
        any_flavor=caller().is_admin,
        zero_disk_flavor=allowed(RULE + ":zero_disk_flavor"),
        image_id=server.get("imageRef") or None,
        block_devices=block_devices.of_request(server),
        min_count=min_count,
        max_count=max_count,
        description=_description(server),
        hostname=server.get("hostname", ""),
        metadata=server.get("metadata") or {},
        tags=tuple(server.get("tags", ())),
        key_name=server.get("key_name"),
        user_data=server.get("user_data"),
        admin_password=server.get("adminPass") or new_password(),
        config_drive=is_true(server.get("config_drive", False)),
        disk_config=server.get("OS-DCF:diskConfig"),
        access_ip_v4=shortest_address(server.get("accessIPv4")),
        access_ip_v6=shortest_address(server.get("accessIPv6")),
        destination=_destination(server),
        scheduler_hints=hints,
        group_id=hints.get("group"),
        group_project=visible_project(),
    )


def _enforce_rules(server: JsonObject) -> None:
    if server.get("block_device_mapping_v2") or server.get("block_device_mapping"):
        enforce(RULE + ":attach_volume")
    if isinstance(server.get("networks"), list):
        enforce(RULE + ":attach_network")
    if server.get("trusted_image_certificates"):
        enforce(RULE + ":trusted_certs")


def parse_networks(server: JsonObject) -> NetworkRequests:
    """Return which networks the server shall have."""
    networks = server.get("networks")
    if networks in ("auto", "none"):
        return "auto" if networks == "auto" else "none"
    return tuple(
        NetworkRequest(
            network_id=given.get("uuid"),
            port_id=given.get("port"),
            fixed_ip=given.get("fixed_ip"),
            tag=given.get("tag") if version() >= (2, 32) else None,
        )
        for given in networks or ()
    )


def parse_group_names(server: JsonObject) -> tuple[str, ...]:
    """Return the names or ids of the security groups that the server's new ports shall have."""
    return tuple(dict.fromkeys(g["name"] for g in server.get("security_groups") or () if "name" in g))


def _counts(server: JsonObject) -> tuple[int, int]:
    minimum = int(server.get("min_count") or 1)
    maximum = int(server.get("max_count") or minimum)
    if minimum > maximum:
        raise BadRequest(why="min_count must be <= max_count")
    if maximum > MAX_SERVERS:
        raise BadRequest(why=f"At most {MAX_SERVERS} servers may be asked for at once.")
    return minimum, maximum


def _hints(body: JsonObject) -> JsonObject:
    """Return the scheduler hints. They may hold anything, are kept with each server, and are read at each placement."""
    hints: JsonObject = body.get("os:scheduler_hints") or body.get("OS-SCH-HNT:scheduler_hints") or {}
    if len(msgspec.json.encode(hints)) > MAX_HINTS_BYTES:
        raise BadRequest(
            why=f"Invalid input for field/attribute os:scheduler_hints. They have more than {MAX_HINTS_BYTES} bytes."
        )
    return hints


def _description(server: JsonObject) -> str | None:
    """Return the description. Before 2.19 servers had none, and showed their name in its place."""
    return str(server["name"]).strip() if version() < (2, 19) else server.get("description")


def _destination(server: JsonObject) -> Destination:
    """Return where the server shall run: `zone`, or for administrators `zone:host`, or from 2.74 the host by name."""
    zone, _, forced = str(server.get("availability_zone") or "").partition(":")
    forced = forced.partition(":")[0] or forced.partition(":")[2]
    if forced:
        enforce(RULE + ":forced_host")
    named = server.get("host") or server.get("hypervisor_hostname")
    if named:
        enforce("compute:servers:create:requested_destination")
    if named and forced:
        raise BadRequest(
            why="One mechanism with host and/or hypervisor_hostname and another mechanism with "
            "zone:host:node are mutually exclusive."
        )
    return Destination(zone or None, forced or named or None)
