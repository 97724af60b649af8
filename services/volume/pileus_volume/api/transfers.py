"""Transfers of volumes to other projects: `os-volume-transfer` and, since 3.55, `volume-transfers`."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller, version
from pileus_volume.api.listing import Listing, stamp
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.schemas import BOOLEAN, TEXT, UUID, wrapped
from pileus_volume.api.tools import tools
from pileus_volume.core import transfers, volumes
from pileus_volume.core.filters import parse_boolean
from pileus_volume.core.lists import TRANSFERS
from pileus_volume.db.models import Transfer

NEWER_PATH = "volume-transfers"
FIELDS = {"volume_id": UUID, "name": TEXT}
CREATE = {
    (3, 0): wrapped("transfer", FIELDS, required=("volume_id",)),
    (3, 55): wrapped("transfer", FIELDS | {"no_snapshots": BOOLEAN}, required=("volume_id",)),
}
ACCEPT = {
    (3, 0): wrapped(
        "accept", {"auth_key": {"type": "string", "minLength": 1, "maxLength": 255}}, required=("auth_key",)
    )
}


def _summary(transfer: Transfer, path: str) -> JsonObject:
    return {
        "id": transfer.id,
        "volume_id": transfer.volume_id,
        "name": transfer.name,
        "links": [
            {"rel": "self", "href": f"{base_url()}/{path}/{transfer.id}"},
            {"rel": "bookmark", "href": f"{base_url().replace('/v3/', '/')}/{path}/{transfer.id}"},
        ],
    }


def _detail(transfer: Transfer, path: str) -> JsonObject:
    view = _summary(transfer, path) | {"created_at": stamp(transfer.created_at)}
    if path != NEWER_PATH:
        return view
    if version() >= (3, 55):
        view["no_snapshots"] = transfer.no_snapshots
    if version() >= (3, 57):
        view |= {
            "source_project_id": transfer.source_project_id,
            "destination_project_id": None,
            "accepted": False,
        }
    return view


def _resource(path: str) -> Resource:
    resource = Resource(path.replace("-", "_"), __name__, url_prefix=f"/v3/{path}")
    listing = Listing(TRANSFERS, path, key="transfers")

    def summary(transfer: Transfer) -> JsonObject:
        return _summary(transfer, path)

    def detail(transfer: Transfer) -> JsonObject:
        return _detail(transfer, path)

    @resource.endpoint("POST", "", policy="volume:create_transfer", body=CREATE)
    def create(body: JsonObject) -> Answer:
        asked = body["transfer"]
        no_snapshots = parse_boolean(asked.get("no_snapshots", False), "no_snapshots")
        with tools().sessions.begin() as session:
            volume = volumes.find(session, asked["volume_id"], caller())
            created = transfers.create(session, volume, asked.get("name"), no_snapshots)
            return {"transfer": detail(created.transfer) | {"auth_key": created.auth_key}}, 202

    @resource.endpoint("GET", "", policy="volume:get_all_transfers")
    def index() -> Answer:
        return listing.answer(summary)

    @resource.endpoint("GET", "/detail", policy="volume:get_all_transfers")
    def index_detail() -> Answer:
        return listing.answer(detail, below="/detail")

    @resource.endpoint("GET", "/<transfer_id>", policy="volume:get_transfer")
    def show(transfer_id: str) -> Answer:
        with tools().sessions.read() as session:
            return {"transfer": detail(transfers.find(session, transfer_id, caller()))}

    @resource.endpoint("POST", "/<transfer_id>/accept", policy="volume:accept_transfer", body=ACCEPT)
    def accept(transfer_id: str, body: JsonObject) -> Answer:
        with tools().sessions.begin() as session:
            transfer = transfers.accept(session, caller(), transfer_id, body["accept"]["auth_key"])
            return {"transfer": summary(transfer)}, 202

    @resource.endpoint("DELETE", "/<transfer_id>", policy="volume:delete_transfer")
    def delete(transfer_id: str) -> Answer:
        with tools().sessions.begin() as session:
            transfers.delete(session, transfers.find(session, transfer_id, caller()))
        return "", 202

    return resource


older = _resource("os-volume-transfer")
newer = _resource(NEWER_PATH)
