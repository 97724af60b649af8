"""Disks that may become volumes: `os-volume-manage` and, since 3.8, `manageable_volumes`, for administrators."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api import manageable
from pileus_volume.api.manageable import SortKeys
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, METADATA_OR_NULL, TEXT, stripped, wrapped
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.api.volume_views import changed
from pileus_volume.core import managed_volumes
from pileus_volume.core.filters import parse_boolean
from pileus_volume.core.managed_volumes import ManageableDisk, ManageRequest

CLUSTER_SINCE = (3, 16)
ZONE: JsonObject = {"type": ["string", "null"], "maxLength": 255}
FIELDS: JsonObject = {
    "name": TEXT,
    "description": TEXT,
    "volume_type": TEXT,
    "availability_zone": ZONE,
    "bootable": BOOLEAN,
    "host": {"type": ["string", "null"], "maxLength": 255},
    "ref": manageable.REF,
    "metadata": METADATA_OR_NULL,
}
CREATE = {
    (3, 0): wrapped("volume", FIELDS, required=("ref",)),
    CLUSTER_SINCE: wrapped("volume", FIELDS | {"cluster": TEXT}, required=("ref",)),
}
SORT_KEYS: SortKeys[ManageableDisk] = {
    "reference": lambda disk: (0, disk.name),
    "size": lambda disk: (disk.size, ""),
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
    return ManageRequest(
        host=manageable.one_of(asked.get("host"), asked.get("cluster"), CLUSTER_SINCE),
        source_name=manageable.source_name(asked["ref"]),
        name=stripped(asked, "name"),
        description=stripped(asked, "description"),
        type=asked.get("volume_type") or None,
        availability_zone=asked.get("availability_zone") or None,
        metadata=asked.get("metadata") or {},
        bootable=parse_boolean(asked.get("bootable", False), "bootable"),
    )


def _list() -> list[ManageableDisk]:
    """The page of the disks that the request asks for. The storage host says what there is."""
    asked = manageable.parse()
    with tools().sessions.read() as session:
        host = managed_volumes.find_listed(session, asked.host)
    stored = tools().agent_named(host.name).list_disks()
    with tools().sessions.read() as session:
        found = managed_volumes.describe(session, stored)
    return asked.page(found, SORT_KEYS, _reference)


def _reference(disk: ManageableDisk) -> JsonObject:
    return {"source-name": disk.name}


def _summary(disk: ManageableDisk) -> JsonObject:
    return {"reference": _reference(disk), "size": disk.size, "safe_to_manage": disk.unsafe is None}


def _detail(disk: ManageableDisk) -> JsonObject:
    return _summary(disk) | {"reason_not_safe": disk.unsafe, "cinder_id": disk.volume_id, "extra_info": None}


older = _resource("os-volume-manage", "volume_manage", None)
newer = _resource("manageable_volumes", "manageable_volumes", (3, 8))
