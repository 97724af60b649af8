"""Volumes of a server in the volume service: made, attached, told that they are in use, let go again."""

from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server, ServerVolume
from pileus_kit.errors import CloudError
from pileus_kit.flow import Again, Work
from pileus_kit.peers import PeerRefused

VERSION = "3.44"  # attachments with os-complete
MARK = "pileus_server_volume"  # metadata of a volume that we made: the row it was made for
IMAGE_MARK = "pileus_server_image"  # metadata of a snapshot that we took: the image it was taken for
GONE = (404, 410)
SETTLING = ("reserved", "attaching", "detaching")


class VolumeFailed(CloudError):
    text = "Block Device Mapping is Invalid: volume {volume} became {status}."


def _call(tools: Tools, project_id: str, method: str, path: str, json: Any = None) -> Any:
    return tools.peers.call("volume", method, f"/v3/{project_id}{path}", json=json, microversion=VERSION)


def show(tools: Tools, project_id: str, volume_id: str) -> dict[str, Any]:
    return _call(tools, project_id, "GET", f"/volumes/{volume_id}")["volume"]


def rows(session: Session, server_id: str) -> list[ServerVolume]:
    return list(
        session.scalars(select(ServerVolume).where(ServerVolume.server_id == server_id).order_by(ServerVolume.position))
    )


def connector(host: str, device: str | None) -> dict[str, Any]:
    """Who is going to use the volume and as which device, as the volume service's drivers and users expect it."""
    return {
        "host": host,
        "multipath": False,
        "platform": "x86_64",
        "os_type": "linux",
        "do_local_attach": False,
        "mountpoint": device,
    }


# -- volumes that are made for a server ----------------------------------------------------------------------------


def make_volumes(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        wanted = [v for v in rows(session, work.subject) if v.source != "volume" and not v.volume_id]
    made = _made(tools, work, {v.id for v in wanted}) if wanted else {}
    for row in wanted:
        if row.id not in made:
            answer = _call(tools, str(work.project_id), "POST", "/volumes", {"volume": _new(row)})
            made[row.id] = answer["volume"]["id"]
    return {"made": made}


def _new(row: ServerVolume) -> dict[str, Any]:
    wish: dict[str, Any] = {"size": row.size_gib, "name": "", "metadata": {MARK: row.id}}
    if row.source == "image":
        wish["imageRef"] = row.source_id
    elif row.source == "snapshot":
        wish["snapshot_id"] = row.source_id
    if row.volume_type:
        wish["volume_type"] = row.volume_type
    return wish


def _made(tools: Tools, work: Work, row_ids: set[str]) -> dict[str, str]:
    """Row -> volume, of those that exist already: an answer may have been lost."""
    found = {}
    for row_id in row_ids:
        path = f"/volumes/detail?metadata={_marked(MARK, row_id)}"
        for volume in _call(tools, str(work.project_id), "GET", path)["volumes"]:
            if volume.get("metadata", {}).get(MARK) == row_id:
                found[row_id] = volume["id"]
    return found


def unmake_volumes(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        mine = {v.id for v in rows(session, work.subject) if v.source != "volume"}
    made = dict(work.data.get("made") or (_made(tools, work, mine) if mine else {}))
    for volume_id in made.values():
        remove(tools, str(work.project_id), volume_id)


def remove(tools: Tools, project_id: str, volume_id: str) -> None:
    """Delete a volume; one that is busy is asked again."""
    try:
        _call(tools, project_id, "DELETE", f"/volumes/{volume_id}")
    except PeerRefused as err:
        if err.status in GONE:
            return
        if err.status in (400, 409):
            raise Again(why=f"volume {volume_id}: {err}") from None
        raise


def note_volumes(session: Session, tools: Tools, work: Work) -> None:
    for row in rows(session, work.subject):
        row.volume_id = work.data["made"].get(row.id, row.volume_id)


def unnote_volumes(session: Session, tools: Tools, work: Work) -> None:
    for row in rows(session, work.subject):
        if row.source != "volume":
            row.volume_id = None


def wait_volumes(tools: Tools, work: Work) -> None:
    """Made volumes become available; a volume that a user named may have to settle, too."""
    for volume_id in work.data["made"].values():
        status = show(tools, str(work.project_id), volume_id)["status"]
        if status.startswith("error"):
            raise VolumeFailed(volume=volume_id, status=status)
        if status not in ("available", "reserved", "attaching", "in-use"):
            raise Again(after=0.5, why=f"volume {volume_id} is {status}")


# -- snapshots of a server's volumes -------------------------------------------------------------------------------


def take_snapshot(tools: Tools, project_id: str, volume_id: str, image_id: str, name: str) -> None:
    """Begin a snapshot of a volume in use. One that is just being attached is asked again."""
    wish = {"volume_id": volume_id, "force": True, "name": name[:255], "metadata": {IMAGE_MARK: image_id}}
    try:
        _call(tools, project_id, "POST", "/snapshots", {"snapshot": wish})
    except PeerRefused as err:
        if err.status in (400, 409) and show(tools, project_id, volume_id)["status"] in SETTLING:
            raise Again(why=str(err)) from None
        raise


def snapshots_for(tools: Tools, project_id: str, image_id: str) -> dict[str, dict[str, Any]]:
    """Volume -> its snapshot that was taken for this image."""
    path = f"/snapshots/detail?all_tenants=1&metadata={_marked(IMAGE_MARK, image_id)}"  # of a volume in any project
    listed = _call(tools, project_id, "GET", path)["snapshots"]
    return {s["volume_id"]: s for s in listed if s.get("metadata", {}).get(IMAGE_MARK) == image_id}


def has_snapshots(tools: Tools, project_id: str, volume_id: str) -> bool:
    """Whether any will stay: one that is being deleted won't."""
    listed = _call(tools, project_id, "GET", f"/snapshots?all_tenants=1&volume_id={volume_id}")["snapshots"]
    return any(s["status"] != "deleting" for s in listed)


def drop_snapshot(tools: Tools, project_id: str, snapshot: dict[str, Any]) -> None:
    """Begin to delete it, unless that is under way."""
    if snapshot["status"] == "deleting":
        return
    try:
        _call(tools, project_id, "DELETE", f"/snapshots/{snapshot['id']}")
    except PeerRefused as err:
        if err.status in (400, 409):
            raise Again(why=f"snapshot {snapshot['id']}: {err}") from None
        if err.status not in GONE:
            raise


def _marked(mark: str, value: str) -> str:
    """A filter by metadata, as a query has it."""
    return quote(msgspec.json.encode({mark: value}).decode().replace('"', "'"))


# -- attachments ---------------------------------------------------------------------------------------------------


def attach(
    tools: Tools, project_id: str, server_id: str, host: str, volume_id: str, device: str | None
) -> dict[str, Any]:
    """The volume's attachment to this server, connected to this host (if any); made unless it is there.

    Returns {"attachment_id", "connection"}.
    """
    attachment_id = reserve(tools, project_id, server_id, volume_id)
    if not host:
        return {"attachment_id": attachment_id, "connection": None}
    return connect(tools, project_id, attachment_id, host, device)


def connect(tools: Tools, project_id: str, attachment_id: str, host: str, device: str | None) -> dict[str, Any]:
    """How this host reaches the attachment's volume: {"attachment_id", "connection"}."""
    answer = _call(
        tools,
        project_id,
        "PUT",
        f"/attachments/{attachment_id}",
        {"attachment": {"connector": connector(host, device)}},
    )["attachment"]
    return {"attachment_id": attachment_id, "connection": answer["connection_info"]}


def reserve(tools: Tools, project_id: str, server_id: str, volume_id: str) -> str:
    """The id of the volume's attachment to this server, made unless it is there; nobody else can have it then."""
    mine = next((a for a in attachments(tools, project_id, server_id) if a["volume_id"] == volume_id), None)
    if mine is None:
        wish = {"volume_uuid": volume_id, "instance_uuid": server_id}
        mine = _call(tools, project_id, "POST", "/attachments", {"attachment": wish})["attachment"]
    return str(mine["id"])


def hold(tools: Tools, project_id: str, server_id: str, volume_id: str) -> str:
    """The id of an attachment that only reserves, made beside the one that the guest has."""
    held = next((a for a in _of(tools, project_id, server_id, volume_id) if a["status"] == "reserved"), None)
    if held is None:
        wish = {"volume_uuid": volume_id, "instance_uuid": server_id}
        held = _call(tools, project_id, "POST", "/attachments", {"attachment": wish})["attachment"]
    return str(held["id"])


def release_held(tools: Tools, project_id: str, server_id: str, volume_id: str) -> None:
    """End what only reserves, if something else is there."""
    mine = _of(tools, project_id, server_id, volume_id)
    if any(a["status"] != "reserved" for a in mine):
        for attachment in mine:
            if attachment["status"] == "reserved":
                _end(tools, project_id, attachment["id"])


def detach_others(tools: Tools, project_id: str, server_id: str, volume_id: str, held: str) -> None:
    for attachment in _of(tools, project_id, server_id, volume_id):
        if attachment["id"] != held:
            _end(tools, project_id, attachment["id"])


def reimage(tools: Tools, project_id: str, volume_id: str, image_id: str) -> None:
    """Begin to replace the content of a volume that is reserved or free."""
    tools.peers.call(
        "volume",
        "POST",
        f"/v3/{project_id}/volumes/{volume_id}/action",
        microversion="3.68",
        json={"os-reimage": {"image_id": image_id, "reimage_reserved": True}},
    )


def _of(tools: Tools, project_id: str, server_id: str, volume_id: str) -> list[dict[str, Any]]:
    return [a for a in attachments(tools, project_id, server_id) if a["volume_id"] == volume_id]


def attachments(tools: Tools, project_id: str, server_id: str) -> list[dict[str, Any]]:
    path = f"/attachments/detail?all_tenants=1&instance_id={server_id}"  # of a volume in any project
    listed = _call(tools, project_id, "GET", path)["attachments"]
    return [a for a in listed if a.get("instance", a.get("instance_uuid")) == server_id]


def complete(tools: Tools, project_id: str, attachment_id: str) -> None:
    """The guest has it: the volume shows as in use."""
    _call(tools, project_id, "POST", f"/attachments/{attachment_id}/action", {"os-complete": {}})


def detach(tools: Tools, project_id: str, server_id: str, only: str | None = None) -> None:
    """End the server's attachments (or that to one volume); nothing if there are none."""
    for attachment in attachments(tools, project_id, server_id):
        if only is None or attachment["volume_id"] == only:
            _end(tools, project_id, attachment["id"])


def _end(tools: Tools, project_id: str, attachment_id: str) -> None:
    try:
        _call(tools, project_id, "DELETE", f"/attachments/{attachment_id}")
    except PeerRefused as err:
        if err.status not in GONE:
            raise


def plug_volumes(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        wanted = rows(session, work.subject)
    host = work.data["host"]
    return {
        "plugs": {
            v.id: attach(tools, str(work.project_id), work.subject, host, str(v.volume_id), v.device) for v in wanted
        }
    }


def unplug_volumes(tools: Tools, work: Work) -> None:
    detach(tools, str(work.project_id), work.subject)


def note_plugs(session: Session, tools: Tools, work: Work) -> None:
    for row in rows(session, work.subject):
        plug = work.data["plugs"].get(row.id)
        if plug:
            row.attachment_id, row.connection_info = plug["attachment_id"], plug["connection"]


def unnote_plugs(session: Session, tools: Tools, work: Work) -> None:
    """Volumes of a server that was never built are nobody's attachments."""
    session.execute(
        update(ServerVolume)
        .where(ServerVolume.server_id == work.subject)
        .values(attachment_id=None, connection_info=None)
    )


def complete_plugs(tools: Tools, work: Work) -> None:
    for plug in work.data["plugs"].values():
        complete(tools, str(work.project_id), plug["attachment_id"])


def note_devices(session: Session, server_id: str, booted: dict[str, Any]) -> None:
    """Under which name the guest got each volume, and where it finds its devices."""
    devices = booted.get("devices")
    if booted.get("addresses"):
        session.execute(update(Server).where(Server.id == server_id).values(device_addresses=booted["addresses"]))
    if devices:
        for row in rows(session, server_id):
            row.device = devices.get(row.volume_id or "", row.device)


def note_address(session: Session, server_id: str, device_id: str, address: str) -> None:
    """Where the guest finds a device that it was given while it ran."""
    server = session.get_one(Server, server_id)
    if address:
        server.device_addresses = server.device_addresses | {device_id: address}


def project_of(session: Session, server_id: str) -> str:
    return session.get_one(Server, server_id).project_id
