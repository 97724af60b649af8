"""Snapshots in disks that may become snapshots of the service: `os-snapshot-manage` and, since 3.8,
`manageable_snapshots`, for administrators."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api import manageable
from pileus_volume.api.manageable import SortKeys
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import METADATA_OR_NULL, TEXT, UUID, wrapped
from pileus_volume.api.snapshots import changed
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.core import managed_snapshots, managed_volumes, volumes
from pileus_volume.core.managed_snapshots import ManageableSnapshot
from pileus_volume.core.snapshots import SnapshotRequest

CREATE = {
    (3, 0): wrapped(
        "snapshot",
        {"name": TEXT, "description": TEXT, "volume_id": UUID, "ref": manageable.REF, "metadata": METADATA_OR_NULL},
        required=("ref", "volume_id"),
    )
}
SORT_KEYS: SortKeys[ManageableSnapshot] = {
    "reference": lambda snapshot: (0, snapshot.name),
    "size": lambda snapshot: (snapshot.size, ""),
}


def _resource(path: str, name: str, since: tuple[int, int] | None) -> Resource:
    routes = Resource(name, __name__, url_prefix=f"/v3/{path}")

    @routes.endpoint("POST", "", policy="snapshot_extension:snapshot_manage", body=CREATE, since=since)
    def create(body: JsonObject) -> Answer:
        asked = body["snapshot"]
        source_name = manageable.source_name(asked["ref"])
        request = SnapshotRequest(asked.get("name"), asked.get("description"), asked.get("metadata") or {})
        with tools().sessions.begin() as session:
            volume = volumes.find(session, asked["volume_id"], caller())
            snapshot, job = managed_snapshots.manage(session, caller(), volume, source_name, request)
            view = {"snapshot": changed(snapshot)}
        notify_workers(job)
        return view, 202

    @routes.endpoint("GET", "", policy="snapshot_extension:list_manageable", since=since)
    def index() -> Answer:
        return {"manageable-snapshots": [_summary(snapshot) for snapshot in _list()]}

    @routes.endpoint("GET", "/detail", policy="snapshot_extension:list_manageable", since=since)
    def index_detail() -> Answer:
        return {"manageable-snapshots": [_detail(snapshot) for snapshot in _list()]}

    return routes


def _list() -> list[ManageableSnapshot]:
    """The page of the snapshots that the request asks for. The storage host says what there is."""
    asked = manageable.parse()
    with tools().sessions.read() as session:
        host = managed_volumes.find_listed(session, asked.host)
    stored = tools().agent_named(host.name).list_snapshots()
    with tools().sessions.read() as session:
        found = managed_snapshots.describe(session, stored)
    return asked.page(found, SORT_KEYS, _reference)


def _reference(snapshot: ManageableSnapshot) -> JsonObject:
    return {"source-name": snapshot.name}


def _summary(snapshot: ManageableSnapshot) -> JsonObject:
    return {
        "reference": _reference(snapshot),
        "size": snapshot.size,
        "safe_to_manage": snapshot.unsafe is None,
        "source_reference": {"source-name": snapshot.disk},
    }


def _detail(snapshot: ManageableSnapshot) -> JsonObject:
    known = {"reason_not_safe": snapshot.unsafe, "cinder_id": snapshot.snapshot_id, "extra_info": None}
    return _summary(snapshot) | known


older = _resource("os-snapshot-manage", "snapshot_manage", None)
newer = _resource("manageable_snapshots", "manageable_snapshots", (3, 8))
