"""Disks that may become volumes: `os-volume-manage` and, since 3.8, `manageable_volumes`, for administrators."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller, version
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, METADATA_OR_NULL, TEXT, stripped, wrapped
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.api.volume_views import changed
from pileus_volume.core import managed_volumes
from pileus_volume.core.filters import DIALECT, parse_boolean
from pileus_volume.core.managed_volumes import ManageableDisk, ManageRequest
from pileus_volume.errors import Invalid, InvalidHost

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

CLUSTER_SINCE = (3, 16)
LISTED_CLUSTER_SINCE = (3, 17)
MAX_ROWS = 1000
ZONE: JsonObject = {"type": ["string", "null"], "maxLength": 255}
FIELDS: JsonObject = {
    "name": TEXT,
    "description": TEXT,
    "volume_type": TEXT,
    "availability_zone": ZONE,
    "bootable": BOOLEAN,
    "host": {"type": ["string", "null"], "maxLength": 255},
    "ref": {"type": ["object", "string"], "maxProperties": 8, "maxLength": 255},
    "metadata": METADATA_OR_NULL,
}
CREATE = {
    (3, 0): wrapped("volume", FIELDS, required=("ref",)),
    CLUSTER_SINCE: wrapped("volume", FIELDS | {"cluster": TEXT}, required=("ref",)),
}
SORT_KEYS: "dict[str, Callable[[ManageableDisk], SupportsRichComparison]]" = {
    "reference": lambda disk: disk.name,
    "size": lambda disk: disk.size,
}


def _resource(path: str, name: str, since: tuple[int, int] | None) -> Resource:
    routes = Resource(name, __name__, url_prefix=f"/v3/{path}")

    @routes.endpoint("POST", "", policy="volume_extension:volume_manage", body=CREATE, since=since)
    def create(body: JsonObject) -> Answer:
        manage_request = _parse(body["volume"])
        with tools().sessions.begin() as session:
            volume, job = managed_volumes.manage(session, caller(), manage_request)
            view = {"volume": changed(volume)}
        notify_workers(job)
        return view, 202

    @routes.endpoint("GET", "", policy="volume_extension:list_manageable", since=since)
    def index() -> Answer:
        return {"manageable-volumes": [_summary(disk) for disk in _list()]}

    @routes.endpoint("GET", "/detail", policy="volume_extension:list_manageable", since=since)
    def index_detail() -> Answer:
        return {"manageable-volumes": [_detail(disk) for disk in _list()]}

    return routes


def _parse(asked: JsonObject) -> ManageRequest:
    ref = asked["ref"]
    name = ref.get("source-name") if isinstance(ref, dict) else None
    if not isinstance(name, str) or not name:
        raise Invalid(why="Reference must contain source-name element.")
    return ManageRequest(
        host=_one_of(asked.get("host"), asked.get("cluster"), CLUSTER_SINCE),
        source_name=name,
        name=stripped(asked, "name"),
        description=stripped(asked, "description"),
        type=asked.get("volume_type") or None,
        availability_zone=asked.get("availability_zone") or None,
        metadata=asked.get("metadata") or {},
        bootable=parse_boolean(asked.get("bootable", False), "bootable"),
    )


def _one_of(host: str | None, cluster: str | None, cluster_since: tuple[int, int]) -> str:
    """The host that is asked for. There are no clusters here."""
    if version() < cluster_since:
        cluster = None
    if bool(host) == bool(cluster):
        raise Invalid(why="Either host or cluster must be given, and not both.")
    if not host:
        raise InvalidHost(why=f"No available service named '{cluster}'")
    return host


def _list() -> list[ManageableDisk]:
    """The page of the disks that the request asks for. The storage host says what there is."""
    args = request.args
    name = _one_of(args.get("host"), args.get("cluster"), LISTED_CLUSTER_SINCE)
    sort = DIALECT.sort(args, sortable=SORT_KEYS, default=(("reference", "desc"),))
    limit, offset = DIALECT.limit(args, default=MAX_ROWS, maximum=MAX_ROWS), DIALECT.offset(args)
    with tools().sessions.read() as session:
        host = managed_volumes.find_listed(session, name)
    stored = tools().agent_named(host.name).list_disks()
    with tools().sessions.read() as session:
        found = managed_volumes.describe(session, stored)
    for key, direction in reversed(sort):
        found.sort(key=SORT_KEYS[key], reverse=direction == "desc")
    return found[_start(found, args.get("marker")) + (offset or 0) :][:limit]


def _start(found: list[ManageableDisk], marker: str | None) -> int:
    """The place after the disk whose reference the marker is, as JSON."""
    if not marker:
        return 0
    try:
        reference = json.loads(marker[:1000])
    except (ValueError, RecursionError):
        raise Invalid(why=f"marker {marker[:255]} can not be analysed, please use json like format") from None
    for place, disk in enumerate(found):
        if _reference(disk) == reference:
            return place + 1
    raise Invalid(why=f"marker not found: {marker[:255]}")


def _reference(disk: ManageableDisk) -> JsonObject:
    return {"source-name": disk.name}


def _summary(disk: ManageableDisk) -> JsonObject:
    return {"reference": _reference(disk), "size": disk.size, "safe_to_manage": disk.unsafe is None}


def _detail(disk: ManageableDisk) -> JsonObject:
    return _summary(disk) | {"reason_not_safe": disk.unsafe, "cinder_id": disk.volume_id, "extra_info": None}


older = _resource("os-volume-manage", "volume_manage", None)
newer = _resource("manageable_volumes", "manageable_volumes", (3, 8))
