"""Limits of projects and of classes, and what is used of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_kit.errors import Forbidden
from pileus_kit.web import caller, tools
from pileus_volume.api import listings
from pileus_volume.api.project_paths import Resource
from pileus_volume.core import quotas
from pileus_volume.core.quotas import Ledger
from pileus_volume.db.models import VolumeType
from pileus_volume.errors import Invalid

sets = Resource("quota_sets", __name__, url_prefix="/v3/os-quota-sets")
classes = Resource("quota_classes", __name__, url_prefix="/v3/os-quota-class-sets")

LIMIT = {
    "anyOf": [
        {"type": "integer", "minimum": -1, "maximum": 2147483647},
        {"type": "string", "pattern": r"^(-1|[0-9]{1,10})\Z"},
    ]
}
IDENTIFIER = {"type": "string", "maxLength": 255}


def _schema(noun: str, ids: tuple[str, ...]) -> dict[tuple[int, int], dict[str, Any]]:
    return {
        (3, 0): {
            "type": "object",
            "required": [noun],
            "additionalProperties": False,
            "properties": {
                noun: {
                    "type": "object",
                    "maxProperties": 1000,
                    "properties": dict.fromkeys(ids, IDENTIFIER),
                    "patternProperties": {
                        "^(volumes|gigabytes|snapshots|backups|backup_gigabytes|per_volume_gigabytes|groups)": LIMIT
                    },
                    "additionalProperties": False,
                }
            },
        }
    }


def _types(session: Session) -> list[VolumeType]:
    return list(session.scalars(select(VolumeType).order_by(VolumeType.name).limit(1000)))


def _limits(session: Session, given: Mapping[str, int]) -> dict[str, int]:
    return {
        name: given.get(name, quotas.DEFAULTS.get(name, quotas.UNLIMITED)) for name in quotas.names(_types(session))
    }


def _only_own(project_id: str) -> None:
    if not caller().is_admin and caller().project_id != project_id:
        raise Forbidden(rule="volume_extension:quotas:show")


@sets.endpoint("GET", "/<project_id>", policy="volume_extension:quotas:show")
def show(project_id: str) -> Any:
    _only_own(project_id)
    with tools().sessions.read() as session:
        book = quotas.ledger(session, project_id)
        view: dict[str, Any] = dict(_limits(session, book.limits))
        if listings.flag("usage"):
            view = _with_usage(view, book, _types(session))
    return {"quota_set": {"id": project_id, **view}}


def _with_usage(limits: Mapping[str, int], book: Ledger, types: Iterable[VolumeType]) -> dict[str, Any]:
    used = dict(book.used) | {
        f"{resource}_{kind.name}": book.used_by_type.get((resource, kind.id), 0)
        for kind in types
        for resource in quotas.PER_TYPE
    }
    return {name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0} for name, limit in limits.items()}


@sets.endpoint("GET", "/<project_id>/defaults", policy="volume_extension:quotas:show")
def defaults(project_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"quota_set": {"id": project_id, **_limits(session, quotas.class_limits(session, "default"))}}


@sets.endpoint(
    "PUT", "/<project_id>", policy="volume_extension:quotas:update", body=_schema("quota_set", ("tenant_id", "id"))
)
def update(project_id: str, body: dict[str, Any]) -> Any:
    skip = listings.flag("skip_validation", default=True)
    with tools().sessions.begin() as session:
        wanted = _known(session, body["quota_set"])
        book = quotas.ledger(session, project_id)
        for name, limit in wanted.items():
            if not skip and 0 <= limit < book.used.get(name, 0):
                raise Invalid(why=f"Quota {name} can't be less than what is used: {book.used[name]}")
        quotas.set_limits(session, project_id, wanted)
        session.flush()
        return {"quota_set": _limits(session, quotas.ledger(session, project_id).limits)}


def _known(session: Session, asked: Mapping[str, Any]) -> dict[str, int]:
    names = set(quotas.names(_types(session)))
    wanted = {name: int(limit) for name, limit in asked.items() if name not in ("tenant_id", "id", "class_name")}
    if unknown := sorted(set(wanted) - names):
        raise Invalid(why=f"Bad key(s) in quota set: {', '.join(unknown)[:200]}")
    return wanted


@sets.endpoint("DELETE", "/<project_id>", policy="volume_extension:quotas:delete")
def delete(project_id: str) -> Any:
    with tools().sessions.begin() as session:
        quotas.forget(session, project_id)
    return "", 200


@classes.endpoint("GET", "/<class_name>", policy="volume_extension:quota_classes:get")
def show_class(class_name: str) -> Any:
    with tools().sessions.read() as session:
        return {"quota_class_set": {"id": class_name, **_limits(session, quotas.class_limits(session, class_name))}}


@classes.endpoint(
    "PUT",
    "/<class_name>",
    policy="volume_extension:quota_classes:update",
    body=_schema("quota_class_set", ("class_name", "id")),
)
def update_class(class_name: str, body: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        quotas.set_class_limits(session, class_name, _known(session, body["quota_class_set"]))
        session.flush()
        return {"quota_class_set": _limits(session, quotas.class_limits(session, class_name))}
