"""Offers of volumes to other projects; `os-volume-transfer` and, since 3.55, `volume-transfers`."""

from typing import Any

from sqlalchemy import select

from pileus_kit.web import caller, tools, version
from pileus_volume.api import listings
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.schemas import BOOLEAN, TEXT, UUID, wrapped
from pileus_volume.core import transfers, volumes
from pileus_volume.db.models import Transfer

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
SORTABLE: dict[str, listings.Column] = {"id": Transfer.id, "name": Transfer.name, "created_at": Transfer.created_at}


def _of(path: str) -> Resource:
    resource = Resource(path.replace("-", "_"), __name__, url_prefix=f"/v3/{path}")
    newer = path == "volume-transfers"

    def summary(transfer: Transfer) -> dict[str, Any]:
        return {
            "id": transfer.id,
            "volume_id": transfer.volume_id,
            "name": transfer.name,
            "links": [
                {"rel": "self", "href": f"{base_url()}/{path}/{transfer.id}"},
                {"rel": "bookmark", "href": f"{base_url().replace('/v3/', '/')}/{path}/{transfer.id}"},
            ],
        }

    def detail(transfer: Transfer) -> dict[str, Any]:
        view = summary(transfer) | {"created_at": listings.stamp(transfer.created_at)}
        if version() >= (3, 55) and newer:
            view["no_snapshots"] = transfer.no_snapshots
        if version() >= (3, 57) and newer:
            view |= {"source_project_id": transfer.source_project_id, "destination_project_id": None, "accepted": False}
        return view

    @resource.endpoint("POST", "", policy="volume:create_transfer", body=CREATE)
    def create(body: dict[str, Any]) -> Any:
        asked = body["transfer"]
        without = listings.truth(asked.get("no_snapshots", False), "no_snapshots")
        with tools().sessions.begin() as session:
            volume = volumes.find(session, asked["volume_id"], caller())
            offer = transfers.offer(session, volume, asked.get("name"), without)
            return {"transfer": detail(offer.transfer) | {"auth_key": offer.key}}, 202

    @resource.endpoint("GET", "", policy="volume:get_all_transfers")
    def index() -> Any:
        return listed(summary)

    @resource.endpoint("GET", "/detail", policy="volume:get_all_transfers")
    def index_detail() -> Any:
        return listed(detail)

    def listed(view: Any) -> Any:
        asked = listings.page()
        stmt = select(Transfer)
        if not (caller().is_admin and listings.flag("all_tenants")):
            stmt = stmt.where(Transfer.source_project_id == caller().project_id)
        with tools().sessions.read() as session:
            marker = transfers.find(session, asked.marker, caller()) if asked.marker else None
            rows = listings.fetch(session, stmt, asked, SORTABLE, Transfer.id, marker)
            return {
                "transfers": [view(t) for t in rows],
                **listings.links("transfers", asked, rows, f"{base_url()}/{path}"),
            }

    @resource.endpoint("GET", "/<transfer_id>", policy="volume:get_transfer")
    def show(transfer_id: str) -> Any:
        with tools().sessions.read() as session:
            return {"transfer": detail(transfers.find(session, transfer_id, caller()))}

    @resource.endpoint("POST", "/<transfer_id>/accept", policy="volume:accept_transfer", body=ACCEPT)
    def accept(transfer_id: str, body: dict[str, Any]) -> Any:
        with tools().sessions.begin() as session:
            return {
                "transfer": summary(transfers.accept(session, caller(), transfer_id, body["accept"]["auth_key"]))
            }, 202

    @resource.endpoint("DELETE", "/<transfer_id>", policy="volume:delete_transfer")
    def delete(transfer_id: str) -> Any:
        with tools().sessions.begin() as session:
            transfers.withdraw(session, transfers.find(session, transfer_id, caller()))
        return "", 202

    return resource


older, newer = _of("os-volume-transfer"), _of("volume-transfers")
