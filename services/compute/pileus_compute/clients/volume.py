"""Calls of the volume service: volumes, their snapshots and their attachments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec

from pileus_kit.auth import Caller
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import PeerRefused, Peers

VERSION = "3.44"  # attachments with os-complete
REIMAGE_VERSION = "3.68"
SERVER_VOLUME = "pileus_server_volume"  # metadata of a volume made for a server: the id of its ServerVolume row
SERVER_IMAGE = "pileus_server_image"  # metadata of a snapshot taken for an image of a server: the image's id
GONE = (404, 410)
BUSY = (400, 409)


@dataclass(frozen=True)
class VolumeAttachment:
    """One entry of a volume's `attachments`."""

    id: str
    server_id: str
    device: str | None = None


@dataclass(frozen=True)
class Volume:
    id: str
    status: str
    size_gib: int
    name: str | None = None
    description: str | None = None
    bootable: bool = False
    multiattach: bool = False
    volume_type: str | None = None
    snapshot_id: str | None = None
    availability_zone: str | None = None
    created_at: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    image_metadata: Mapping[str, str] = field(default_factory=dict)
    """What the volume remembers of the image that it was made from."""
    attachments: tuple[VolumeAttachment, ...] = ()


@dataclass(frozen=True)
class NewVolume:
    size_gib: int | None
    """None: as large as the snapshot."""
    name: str | None = ""
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    image_id: str | None = None
    snapshot_id: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None


@dataclass(frozen=True)
class Snapshot:
    id: str
    status: str
    size_gib: int
    volume_id: str
    name: str | None = None
    description: str | None = None
    created_at: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewSnapshot:
    volume_id: str
    name: str | None = None
    description: str | None = None
    force: bool = False
    """Take it even if the volume is in use."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attachment:
    """A server's right to a volume. `reserved`: nothing is connected yet."""

    id: str
    volume_id: str
    status: str = ""
    connection_info: Mapping[str, object] | None = None
    """How the host reaches the volume's data; None before it is connected."""


@dataclass(frozen=True)
class SnapshotLimits:
    maximum: int
    """-1: no limit."""
    used: int


# -- volumes -------------------------------------------------------------------------------------------------------


def show_volume(peers: Peers, project_id: str, volume_id: str, caller: Caller | None = None) -> Volume:
    path = f"/volumes/{quote(volume_id, safe='')}"
    return _volume_of(_call(peers, project_id, "GET", path, caller=caller)["volume"])


def list_volumes(peers: Peers, project_id: str, caller: Caller | None = None) -> list[Volume]:
    listed = _call(peers, project_id, "GET", "/volumes/detail", caller=caller)["volumes"]
    return [_volume_of(view) for view in listed]


def find_volume_for(peers: Peers, project_id: str, row_id: str) -> Volume | None:
    """The volume that was made for this row of a server's volumes: the answer may have been lost."""
    path = f"/volumes/detail?metadata={_metadata_filter(SERVER_VOLUME, row_id)}"
    listed = [_volume_of(view) for view in _call(peers, project_id, "GET", path)["volumes"]]
    return next((volume for volume in listed if volume.metadata.get(SERVER_VOLUME) == row_id), None)


def create_volume(peers: Peers, project_id: str, new: NewVolume, caller: Caller | None = None) -> Volume:
    """Begin to make a volume."""
    view: JsonObject = {"size": new.size_gib, "name": new.name, "metadata": dict(new.metadata)}
    chosen = {
        "description": new.description,
        "imageRef": new.image_id,
        "snapshot_id": new.snapshot_id,
        "volume_type": new.volume_type,
        "availability_zone": new.availability_zone,
    }
    view |= {key: value for key, value in chosen.items() if value}
    return _volume_of(_call(peers, project_id, "POST", "/volumes", {"volume": view}, caller)["volume"])


def delete_volume(peers: Peers, project_id: str, volume_id: str, caller: Caller) -> None:
    _call(peers, project_id, "DELETE", f"/volumes/{quote(volume_id, safe='')}", caller=caller)


def ensure_volume_deleted(peers: Peers, project_id: str, volume_id: str) -> bool:
    """Begin to delete a volume, unless it is gone. False if it is in use yet: ask again later."""
    return _delete(peers, project_id, f"/volumes/{volume_id}")


def reimage_volume(peers: Peers, project_id: str, volume_id: str, image_id: str) -> None:
    """Begin to replace the content of a volume that is reserved or free by an image's."""
    body = {"os-reimage": {"image_id": image_id, "reimage_reserved": True}}
    _call(peers, project_id, "POST", f"/volumes/{volume_id}/action", body, version=REIMAGE_VERSION)


def _volume_of(view: JsonObject) -> Volume:
    return Volume(
        view["id"],
        view["status"],
        view["size"],
        view.get("name"),
        view.get("description"),
        str(view.get("bootable", "")).lower() == "true",
        bool(view.get("multiattach")),
        view.get("volume_type"),
        view.get("snapshot_id"),
        view.get("availability_zone"),
        view.get("created_at"),
        view.get("metadata") or {},
        view.get("volume_image_metadata") or {},
        tuple(VolumeAttachment(a["id"], a["server_id"], a.get("device")) for a in view.get("attachments", ())),
    )


# -- snapshots -----------------------------------------------------------------------------------------------------


def show_snapshot(peers: Peers, project_id: str, snapshot_id: str, caller: Caller | None = None) -> Snapshot:
    path = f"/snapshots/{quote(snapshot_id, safe='')}"
    return _snapshot_of(_call(peers, project_id, "GET", path, caller=caller)["snapshot"])


def list_snapshots(peers: Peers, project_id: str, caller: Caller | None = None) -> list[Snapshot]:
    listed = _call(peers, project_id, "GET", "/snapshots/detail", caller=caller)["snapshots"]
    return [_snapshot_of(view) for view in listed]


def snapshots_for_image(peers: Peers, project_id: str, image_id: str) -> dict[str, Snapshot]:
    """Volume id -> its snapshot that was taken for this image of a server. The volumes may be of other projects."""
    path = f"/snapshots/detail?all_tenants=1&metadata={_metadata_filter(SERVER_IMAGE, image_id)}"
    listed = [_snapshot_of(view) for view in _call(peers, project_id, "GET", path)["snapshots"]]
    return {s.volume_id: s for s in listed if s.metadata.get(SERVER_IMAGE) == image_id}


def has_snapshots(peers: Peers, project_id: str, volume_id: str) -> bool:
    """Whether the volume has snapshots that aren't being deleted."""
    listed = _call(peers, project_id, "GET", f"/snapshots?all_tenants=1&volume_id={volume_id}")["snapshots"]
    return any(view["status"] != "deleting" for view in listed)


def create_snapshot(peers: Peers, project_id: str, new: NewSnapshot, caller: Caller | None = None) -> Snapshot:
    """Begin a snapshot of a volume."""
    view: JsonObject = {"volume_id": new.volume_id, "force": new.force, "name": new.name}
    view |= {"metadata": dict(new.metadata)} if new.metadata else {}
    view |= {"description": new.description} if new.description else {}
    return _snapshot_of(_call(peers, project_id, "POST", "/snapshots", {"snapshot": view}, caller)["snapshot"])


def delete_snapshot(peers: Peers, project_id: str, snapshot_id: str, caller: Caller) -> None:
    _call(peers, project_id, "DELETE", f"/snapshots/{quote(snapshot_id, safe='')}", caller=caller)


def ensure_snapshot_deleted(peers: Peers, project_id: str, snapshot: Snapshot) -> bool:
    """Begin to delete a snapshot, unless that is under way. False if it is in use yet: ask again later."""
    return snapshot.status == "deleting" or _delete(peers, project_id, f"/snapshots/{snapshot.id}")


def snapshot_limits(peers: Peers, project_id: str, caller: Caller | None = None) -> SnapshotLimits:
    absolute = _call(peers, project_id, "GET", "/limits", caller=caller)["limits"]["absolute"]
    return SnapshotLimits(absolute["maxTotalSnapshots"], absolute["totalSnapshotsUsed"])


def _snapshot_of(view: JsonObject) -> Snapshot:
    return Snapshot(
        view["id"],
        view["status"],
        view["size"],
        view["volume_id"],
        view.get("name"),
        view.get("description"),
        view.get("created_at"),
        view.get("metadata") or {},
    )


# -- attachments ---------------------------------------------------------------------------------------------------


def list_attachments(peers: Peers, project_id: str, server_id: str) -> list[Attachment]:
    """The server's attachments. The volumes may be of other projects."""
    path = f"/attachments/detail?all_tenants=1&instance_id={server_id}"
    listed = _call(peers, project_id, "GET", path)["attachments"]
    return [_attachment_of(a) for a in listed if a.get("instance", a.get("instance_uuid")) == server_id]


def create_attachment(peers: Peers, project_id: str, server_id: str, volume_id: str) -> Attachment:
    """Reserve the volume for the server: nothing else can have it then."""
    body = {"attachment": {"volume_uuid": volume_id, "instance_uuid": server_id}}
    return _attachment_of(_call(peers, project_id, "POST", "/attachments", body)["attachment"])


def connect_attachment(
    peers: Peers, project_id: str, attachment_id: str, host: str, device: str | None
) -> dict[str, object]:
    """Have the volume connected to the host. Returns how the host reaches it."""
    connector = {
        "host": host,
        "multipath": False,
        "platform": "x86_64",
        "os_type": "linux",
        "do_local_attach": False,
        "mountpoint": device,
    }
    body = {"attachment": {"connector": connector}}
    answer = _call(peers, project_id, "PUT", f"/attachments/{attachment_id}", body)["attachment"]
    connection: dict[str, object] = answer["connection_info"]
    return connection


def complete_attachment(peers: Peers, project_id: str, attachment_id: str) -> None:
    """Say that the guest has the volume, which shows as in use from here on."""
    _call(peers, project_id, "POST", f"/attachments/{attachment_id}/action", {"os-complete": {}})


def delete_attachment(peers: Peers, project_id: str, attachment_id: str) -> None:
    """Make sure that the attachment is gone."""
    try:
        _call(peers, project_id, "DELETE", f"/attachments/{attachment_id}")
    except PeerRefused as err:
        if err.status not in GONE:
            raise


def _attachment_of(view: JsonObject) -> Attachment:
    return Attachment(view["id"], view.get("volume_id", ""), view.get("status", ""), view.get("connection_info"))


# -- the calls -----------------------------------------------------------------------------------------------------


def _call(
    peers: Peers,
    project_id: str,
    method: str,
    path: str,
    json: JsonObject | None = None,
    caller: Caller | None = None,
    version: str = VERSION,
) -> JsonObject:
    return peers.call("volume", method, f"/v3/{project_id}{path}", caller=caller, json=json, microversion=version)


def _delete(peers: Peers, project_id: str, path: str) -> bool:
    try:
        _call(peers, project_id, "DELETE", path)
    except PeerRefused as err:
        if err.status in BUSY:
            return False
        if err.status not in GONE:
            raise
    return True


def _metadata_filter(key: str, value: str) -> str:
    """A filter by metadata, as the query of a list has it."""
    return quote(msgspec.json.encode({key: value}).decode().replace('"', "'"))
