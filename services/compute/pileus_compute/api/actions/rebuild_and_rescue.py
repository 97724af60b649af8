"""Actions on what is inside a server: rebuild, rescue, password, crash dump."""

from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.api import server_requests
from pileus_compute.api.boot_images import check_fits, image_for, kept
from pileus_compute.api.image_block_devices import require_data
from pileus_compute.api.requests import address, base_url, target_of
from pileus_compute.api.schemas import PASSWORD, UUID, body, obj
from pileus_compute.api.server_actions import accepted, action, start
from pileus_compute.api.server_schemas import REBUILD
from pileus_compute.api.servers import changed
from pileus_compute.clients import volume
from pileus_compute.clients.volume import Volume
from pileus_compute.core import guests, hosts, image_properties, keypairs, quotas, server_jobs, states
from pileus_compute.db.models import Server
from pileus_compute.errors import KeypairNotFound
from pileus_kit import sealing
from pileus_kit.errors import BadRequest, Conflict
from pileus_kit.rpc import Refused
from pileus_kit.web import caller, enforce, tools, version

RESCUE = {
    (2, 1): body(
        "rescue",
        {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {"adminPass": PASSWORD, "rescue_image_ref": UUID},
        },
    )
}
CHANGE = {(2, 1): body("changePassword", obj({"adminPass": PASSWORD}, ("adminPass",)))}
DUMP = {(2, 17): body("trigger_crash_dump", {"type": "null"})}
REIMAGES = (2, 93)
COLUMNS = {
    "name": "name",
    "metadata": "meta",
    "accessIPv4": "access_ip_v4",
    "accessIPv6": "access_ip_v6",
    "OS-DCF:diskConfig": "disk_config",
    "description": "description",
    "user_data": "sealed_user_data",
    "hostname": "hostname",
}


@action("rebuild", policy="servers:rebuild", schemas=REBUILD)
def rebuild(session: Session, server: Server, value: Any) -> Any:
    if value.get("personality"):
        raise BadRequest(why="Injected files are not supported: use user data or a config drive.")
    if value.get("trusted_image_certificates"):
        enforce("os_compute_api:servers:rebuild:trusted_certs", target_of(server))
        raise BadRequest(why="Trusted image certificates are not supported by this cloud.")
    image = require_data(image_for(value["imageRef"]))
    root = _root_volume(session, server, image["id"]) if server.image_id is None else None
    check_fits(image, server.memory_mib, root.size_gib if root else server.flavor["disk_gib"])
    quotas.check_metadata(session, server.project_id, value.get("metadata") or {})
    change: dict[str, Any] = {column: value[key] for key, column in COLUMNS.items() if key in value}
    change |= {column: address(change[column]) for column in ("access_ip_v4", "access_ip_v6") if column in change}
    change |= {"image": _suited(session, server, kept(image))} | _key(session, value)
    if image_properties.needs_drive(change["image"]):
        change["config_drive"] = True
    if "sealed_user_data" in change:  # jobs stay on record
        change["sealed_user_data"] = sealing.seal(change["sealed_user_data"])
    data: dict[str, Any] = {"change": change, "running": server.status != "SHUTOFF"}
    if root is None:
        change["image_id"] = image["id"]
    elif version() >= REIMAGES:
        data |= {"volume_id": root.id, "image_id": image["id"]}
    secret = value.get("adminPass") or server_requests.password()
    flow = "server.rebuild_volume" if "volume_id" in data else "server.rebuild"
    job = server_jobs.start_job(session, server, "rebuild", flow, caller(), data)
    server.admin_password = secret if server.config_drive or change.get("config_drive") else None
    session.flush()
    view = changed(session, server) | {"adminPass": secret}
    view.pop("OS-EXT-SRV-ATTR:user_data", None)  # it has a name of its own here
    for key, shown in (("name", "name"), ("metadata", "metadata")):
        if key in value:
            view[shown] = value[key]
    view["image"] = (
        ""
        if root
        else {"id": image["id"], "links": [{"rel": "bookmark", "href": f"{base_url()}/images/{image['id']}"}]}
    )
    if version() >= (2, 54):
        view["key_name"] = change.get("key_name", server.key_name)
    if version() >= (2, 57):
        view["user_data"] = value.get("user_data", server.user_data)
    return accepted(job, {"server": view}, {"Location": f"{base_url()}/v2.1/servers/{server.id}"})


def _suited(session: Session, server: Server, facts: dict[str, Any]) -> dict[str, Any]:
    """A rebuilt server stays on its host, so that has to give what the new image asks for."""
    lacks = (
        hosts.capabilities_of(hosts.find(session, server.host)).missing(guests.properties_from(facts, server.flavor))
        if server.host
        else []
    )
    if lacks:
        raise BadRequest(why=f"No valid host was found. The server's host does not give {', '.join(lacks[:5])}.")
    return facts


def _root_volume(session: Session, server: Server, image_id: str) -> Volume:
    """The volume that it boots from, as the volume service shows it. Before 2.93 its content stays as it is."""
    row = next((v for v in guests.load(session, server.id)[2] if v.boot_index == 0 and v.volume_id), None)
    if row is None:
        raise BadRequest(why="The server has no volume to boot from.")
    own = caller() if caller().project_id == server.project_id else None
    root = volume.show_volume(tools().peers, server.project_id, str(row.volume_id), own)
    if version() < REIMAGES and root.image_metadata.get("image_id") != image_id:
        raise BadRequest(why="Unable to rebuild with a different image for a volume-backed server.")
    return root


def _key(session: Session, value: dict[str, Any]) -> dict[str, Any]:
    if "key_name" not in value:
        return {}
    if value["key_name"] is None:
        return {"key_name": None, "public_key": None, "key_type": None}
    try:
        key = keypairs.find(session, caller().user_id, value["key_name"])
    except KeypairNotFound:
        raise BadRequest(why="Invalid key_name provided.") from None
    return {"key_name": key.name, "public_key": key.public_key, "key_type": key.type}


@action("rescue", policy="os-rescue", schemas=RESCUE)
def rescue(session: Session, server: Server, value: Any) -> Any:
    value = value or {}
    image_id = value.get("rescue_image_ref") or server.image_id
    if image_id is None or (server.image_id is None and version() < (2, 87)):
        raise BadRequest(why=f"Instance {server.id} cannot be rescued: Cannot rescue a volume-backed instance")
    image = kept(require_data(image_for(image_id))) if image_id != server.image_id else server.image
    secret = value.get("adminPass") or server_requests.password()
    job = server_jobs.start_job(
        session, server, "rescue", "server.rescue", caller(), {"image_id": image_id, "image": image}
    )
    server.admin_password = secret if server.config_drive else None
    return accepted(job, {"adminPass": secret}, status=200)


@action("unrescue", policy="os-unrescue")
def unrescue(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "unrescue", "server.unrescue")


@action("changePassword", policy="os-admin-password", schemas=CHANGE)
def change_password(session: Session, server: Server, value: Any) -> Any:
    job = server_jobs.start_job(session, server, "changePassword", "server.change_password", caller())
    server.admin_password = value["adminPass"]
    return accepted(job)


@action("trigger_crash_dump", policy="servers:trigger_crash_dump", schemas=DUMP, since=(2, 17), writes=False)
def crash_dump(session: Session, server: Server, value: Any) -> Any:
    states.require(server, "trigger_crash_dump", server_jobs.current_task_state(session, server))
    host, server_id = str(server.host), server.id

    def answer() -> Any:
        try:
            tools().agent(host).inject_nmi(server_id)
        except Refused as err:
            raise Conflict(why=str(err)) from None
        return "", 202

    return answer
