"""Rebuild: a server gets a new root disk from an image."""

from pileus_compute.api.requests.block_devices import require_data
from pileus_compute.api.requests.boot_sources import find_image
from pileus_compute.api.requests.server_access import target_of
from pileus_compute.api.requests.server_requests import new_password
from pileus_compute.api.schemas.servers import REBUILD
from pileus_compute.api.schemas.types import shortest_address
from pileus_compute.api.server_actions import AfterCommit, accepted, action
from pileus_compute.api.servers import updated_view
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import base_url, bookmark
from pileus_compute.clients import volume as volume_client
from pileus_compute.clients.volume import Volume
from pileus_compute.core import (
    boot_images,
    guests,
    hosts,
    image_properties,
    keypairs,
    quotas,
    server_jobs,
    server_volumes,
)
from pileus_compute.core.job_data import RebuildServerData, as_json
from pileus_compute.db.models import Server
from pileus_compute.errors import KeypairNotFound
from pileus_kit import sealing
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.web import caller, enforce, version

RULE = "os_compute_api:servers:rebuild"
REIMAGES_VOLUMES = (2, 93)
"""Since when a server that boots from a volume gets the new image's content."""
COLUMNS = {
    "name": "name",
    "metadata": "meta",
    "OS-DCF:diskConfig": "disk_config",
    "description": "description",
    "hostname": "hostname",
}
"""The columns that take a value as it is, by attribute."""


@action("rebuild", policy=RULE, schemas=REBUILD)
def rebuild(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    if value.get("personality"):
        raise BadRequest(why="Injected files are not supported: use user data or a config drive.")
    if value.get("trusted_image_certificates"):
        enforce(RULE + ":trusted_certs", target_of(server))
        raise BadRequest(why="Trusted image certificates are not supported by this cloud.")
    image = require_data(find_image(value["imageRef"]))
    root = _find_root_volume(session, server, image["id"]) if server.image_id is None else None
    facts = boot_images.facts_of(image)
    boot_images.check_fits(facts, server.memory_mib, root.size_gib if root else server.flavor["disk_gib"])
    quotas.check_metadata(session, server.project_id, value.get("metadata") or {})
    _check_host(session, server, facts)
    change = _changed_columns(session, value, facts)
    if root is None:
        change["image_id"] = image["id"]
    reimaged = root if version() >= REIMAGES_VOLUMES else None
    data = RebuildServerData(
        change,
        running=server.status != "SHUTOFF",
        volume_id=reimaged.id if reimaged else "",
        image_id=image["id"] if reimaged else "",
    )
    flow = "server.rebuild_volume" if reimaged else "server.rebuild"
    job = server_jobs.start_job(session, server, "rebuild", flow, caller(), as_json(data))
    password = value.get("adminPass") or new_password()
    server.admin_password = password if server.config_drive or change.get("config_drive") else None
    session.flush()
    view = _rebuilt_view(session, server, value, change) | {"adminPass": password}
    view["image"] = "" if root else {"id": image["id"], "links": bookmark("images", image["id"])}
    return accepted(job, {"server": view}, {"Location": f"{base_url()}/v2.1/servers/{server.id}"})


def _changed_columns(session: Session, value: JsonObject, facts: JsonObject) -> JsonObject:
    """Return the columns that change when the server is rebuilt. User data is sealed, as jobs stay on record."""
    change: JsonObject = {column: value[key] for key, column in COLUMNS.items() if key in value}
    for key, column in (("accessIPv4", "access_ip_v4"), ("accessIPv6", "access_ip_v6")):
        if key in value:
            change[column] = shortest_address(value[key])
    if "user_data" in value:
        change["sealed_user_data"] = sealing.seal(value["user_data"])
    if image_properties.requires_config_drive(facts):
        change["config_drive"] = True
    return change | {"image": facts} | _key_columns(session, value)


def _rebuilt_view(session: Session, server: Server, value: JsonObject, change: JsonObject) -> JsonObject:
    """Return the server as it will be."""
    view = updated_view(session, server)
    view.pop("OS-EXT-SRV-ATTR:user_data", None)  # a rebuild shows it as `user_data`
    view |= {key: value[key] for key in ("name", "metadata") if key in value}
    if version() >= (2, 54):
        view["key_name"] = change.get("key_name", server.key_name)
    if version() >= (2, 57):
        view["user_data"] = value.get("user_data", server.user_data)
    return view


def _check_host(session: Session, server: Server, facts: JsonObject) -> None:
    """Raise BadRequest if the server's host, on which it stays, doesn't provide what the new image asks for."""
    if not server.host:
        return
    capabilities = hosts.capabilities_of(hosts.find(session, server.host))
    missing = capabilities.missing(guests.properties_from(facts, server.flavor))
    if missing:
        raise BadRequest(why=f"No valid host was found. The server's host does not give {', '.join(missing[:5])}.")


def _find_root_volume(session: Session, server: Server, image_id: str) -> Volume:
    """Return the volume that the server boots from. Before 2.93 its content stays as it is."""
    rows = server_volumes.list_volumes(session, server.id)
    row = next((v for v in rows if v.boot_index == 0 and v.volume_id), None)
    if row is None:
        raise BadRequest(why="The server has no volume to boot from.")
    own = caller() if caller().project_id == server.project_id else None
    volume = volume_client.show_volume(tools().peers, server.project_id, str(row.volume_id), own)
    if version() < REIMAGES_VOLUMES and volume.image_metadata.get("image_id") != image_id:
        raise BadRequest(why="Unable to rebuild with a different image for a volume-backed server.")
    return volume


def _key_columns(session: Session, value: JsonObject) -> JsonObject:
    if "key_name" not in value:
        return {}
    if value["key_name"] is None:
        return {"key_name": None, "public_key": None, "key_type": None}
    try:
        key = keypairs.find(session, caller().user_id, value["key_name"])
    except KeypairNotFound:
        raise BadRequest(why="Invalid key_name provided.") from None
    return {"key_name": key.name, "public_key": key.public_key, "key_type": key.type}
