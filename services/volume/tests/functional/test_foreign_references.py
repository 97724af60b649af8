"""Requests that name a resource of another project are refused and change nothing, whichever id names it.

The ids are read from the schemas of all routes, so a new one fails here until a test covers it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from pileus_volume.db.models import Attachment, Backup, Group, GroupSnapshot, Job, Snapshot, Transfer, Volume

REFERENCES = {
    "backup_id",
    "group_id",
    "group_snapshot_id",
    "snapshot_id",
    "source_group_id",
    "source_volid",
    "volume_id",
    "volume_uuid",
    "add_volumes",
    "remove_volumes",
    "volume_type",
    "volume_types",
}
ELSEWHERE = {"imageRef", "image_id", "instance_uuid", "consistencygroup_id", "id", "tenant_id"}
"""Ids of other services, of nothing, or of the resource in the path."""
ID_LIKE = ("_id", "_uuid", "_volid", "Ref", "volumes", "_type", "_types")
VERSION = "3.70"
NOUNS = (Attachment, Backup, Group, GroupSnapshot, Job, Snapshot, Transfer, Volume)
Pair = tuple[str, str, str]


def properties(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from properties(part)
    if isinstance(schema, dict):
        for name, part in schema.get("properties", {}).items():
            yield from (name, *properties(part))
        for key in ("anyOf", "oneOf", "allOf", "items"):
            yield from properties(schema.get(key))


def pairs(app: Any) -> set[Pair]:
    """(method, route, name) of each property that names a resource of this service."""
    found = set()
    for rule in app.url_map.iter_rules():
        schemas = getattr(app.view_functions[rule.endpoint], "about", {}).get("body") or {}
        names = {name for schema in schemas.values() for name in properties(schema)}
        like_ids = {name for name in names if name.endswith(ID_LIKE)}
        unknown = like_ids - REFERENCES - ELSEWHERE - {"group_type", "default_type"}
        assert not unknown, f"{rule.rule}: are these ids of things? {unknown}"
        found |= {
            (method, rule.rule, name) for method in rule.methods - {"HEAD", "OPTIONS"} for name in names & REFERENCES
        }
    return found


@pytest.fixture
def foreign(stored: Any) -> dict[str, str]:
    """The ids of one resource of each kind in p1."""
    world = stored
    kind = world.volume_type("private-kind", **{"os-volume-type-access:is_public": False})
    world.client.post(f"/v3/types/{kind}/action", json={"addProjectAccess": {"project": "p1"}}, as_=world.book.admin)
    open_kind = world.volume_type("open-kind")
    group = world.group(open_kind)["id"]
    member = world.volume(volume_type=open_kind, group_id=group)["id"]
    volume = world.volume()["id"]
    held = {"attachment": {"volume_uuid": world.volume()["id"], "instance_uuid": volume}}
    given = {"transfer": {"volume_id": world.volume()["id"]}}
    transfer = world.client.post("/v3/volume-transfers", json=given, version=VERSION).json["transfer"]
    return {
        "volume": volume,
        "snapshot": world.snapshot(world.volume()["id"])["id"],
        "type": kind,
        "backup": world.back_up(world.volume()["id"])["id"],
        "group": group,
        "member": member,
        "group_snapshot": world.snapshot_group(group)["id"],
        "transfer": transfer["id"],
        "attachment": world.client.post("/v3/attachments", json=held, version=VERSION).json["attachment"]["id"],
    }


def own(world: Any) -> dict[str, str]:
    """The ids of resources of p2, which requests also need."""
    other = world.book.other
    body = {"volume": {"size": 1}}
    volume = world.client.post("/v3/p2/volumes", json=body, as_=other, version=VERSION).json["volume"]["id"]
    world.drain()
    held = {"backup": {"volume_id": volume}}
    backup = world.client.post("/v3/p2/backups", json=held, as_=other, version=VERSION).json["backup"]["id"]
    asked = {"group": {"group_type": "g", "volume_types": ["open-kind"]}}
    group = world.client.post("/v3/p2/groups", json=asked, as_=other, version=VERSION).json["group"]["id"]
    world.drain()
    return {"volume": volume, "backup": backup, "group": group}


def bodies(their: dict[str, str], mine: dict[str, str]) -> dict[Pair, tuple[str, Any]]:
    """Path and body for each pair, correct but for the project of the resource that it names."""
    volume = {"size": 1, "volume_type": "open-kind"}
    made: dict[Pair, tuple[str, Any]] = {}
    for name, thing in (
        ("backup_id", "backup"),
        ("group_id", "group"),
        ("snapshot_id", "snapshot"),
        ("source_volid", "volume"),
        ("volume_type", "type"),
    ):
        made["POST", "/v3/volumes", name] = "/v3/volumes", {"volume": volume | {name: their[thing]}}
    made["POST", "/v3/snapshots", "volume_id"] = "/v3/snapshots", {"snapshot": {"volume_id": their["volume"]}}
    made["POST", "/v3/backups", "volume_id"] = "/v3/backups", {"backup": {"volume_id": their["volume"]}}
    made["POST", "/v3/backups", "snapshot_id"] = (
        "/v3/backups",
        {"backup": {"volume_id": mine["volume"], "snapshot_id": their["snapshot"]}},
    )
    made["POST", "/v3/backups/<backup_id>/restore", "volume_id"] = (
        f"/v3/backups/{mine['backup']}/restore",
        {"restore": {"volume_id": their["volume"]}},
    )
    for noun in ("os-volume-transfer", "volume-transfers"):
        made["POST", f"/v3/{noun}", "volume_id"] = f"/v3/{noun}", {"transfer": {"volume_id": their["volume"]}}
    made["POST", "/v3/attachments", "volume_uuid"] = (
        "/v3/attachments",
        {"attachment": {"volume_uuid": their["volume"], "instance_uuid": mine["volume"]}},
    )
    made["POST", "/v3/groups", "volume_types"] = (
        "/v3/groups",
        {"group": {"group_type": "g", "volume_types": [their["type"]]}},
    )
    for name, thing in (("add_volumes", "volume"), ("remove_volumes", "member")):
        made["PUT", "/v3/groups/<group_id>", name] = f"/v3/groups/{mine['group']}", {"group": {name: their[thing]}}
    for name, thing in (("source_group_id", "group"), ("group_snapshot_id", "group_snapshot")):
        made["POST", "/v3/groups/action", name] = "/v3/groups/action", {"create-from-src": {name: their[thing]}}
    made["POST", "/v3/group_snapshots", "group_id"] = (
        "/v3/group_snapshots",
        {"group_snapshot": {"group_id": their["group"]}},
    )
    return made


NOT_A_REFERENCE = {
    ("POST", "/v3/types", "volume_type"),
    ("PUT", "/v3/types/<type_id>", "volume_type"),
    ("PUT", "/v3/default-types/<project_id>", "volume_type"),
    ("POST", "/v3/manageable_volumes", "volume_type"),
    ("POST", "/v3/os-volume-manage", "volume_type"),
    ("POST", "/v3/manageable_snapshots", "volume_id"),
    ("POST", "/v3/os-snapshot-manage", "volume_id"),
}
"""The name of the whole body, or a rule for administrators."""


def everything(world: Any) -> dict[str, list[Any]]:
    with world.sessions.read() as session:
        return {
            noun.__name__: sorted((row.id, getattr(row, "status", None)) for row in session.query(noun))
            for noun in NOUNS
        }


def test_each_id_in_a_body(stored: Any, foreign: dict[str, str]) -> None:
    mine = own(stored)
    tries = bodies(foreign, mine)
    assert pairs(stored.app) - NOT_A_REFERENCE == tries.keys()
    before = everything(stored)
    ids = set(foreign.values())
    for (method, _, name), (path, body) in tries.items():
        answer = stored.client.request(method, path, json=body, as_=stored.book.other, version=VERSION)
        assert answer.status_code in (400, 403, 404), f"{method} {path} with another's {name}: {answer.status_code}"
        assert any(known in answer.text for known in ids), f"{method} {path}: refused for something else: {answer.text}"
        assert everything(stored) == before, f"{method} {path} with another's {name} did something"


PATHS = {
    "volume_id": "volume",
    "subject": "volume",
    "snapshot_id": "snapshot",
    "backup_id": "backup",
    "group_id": "group",
    "group_snapshot_id": "group_snapshot",
    "attachment_id": "attachment",
    "transfer_id": "transfer",
    "type_id": "type",
}


def test_each_id_in_a_path(stored: Any, foreign: dict[str, str]) -> None:
    before = everything(stored)
    for rule in stored.app.url_map.iter_rules():
        names = [name for name in rule.arguments if name in PATHS]
        if not names or "group_types" in rule.rule:
            continue
        thing = "snapshot" if rule.rule.startswith("/v3/snapshots") else PATHS[names[0]]
        path = rule.rule.replace(f"<{names[0]}>", foreign[thing]).replace("<key>", "k")
        for method in rule.methods & {"GET", "DELETE"}:
            answer = stored.client.request(method, path, as_=stored.book.other, version=VERSION)
            assert answer.status_code in (403, 404), f"{method} {path}: {answer.status_code}"
    assert everything(stored) == before


def test_each_id_as_a_marker_and_filter(stored: Any, foreign: dict[str, str]) -> None:
    """A list shows the caller's own resources only, whatever the query names."""
    for noun, thing in (
        ("volumes", "volume"),
        ("snapshots", "snapshot"),
        ("backups", "backup"),
        ("groups", "group"),
        ("group_snapshots", "group_snapshot"),
        ("attachments", "attachment"),
    ):
        for query in (
            f"id={foreign[thing]}",
            f"volume_id={foreign['volume']}",
            "all_tenants=1&project_id=p1",
            "all_tenants=1&tenant_id=p1",
            f"group_id={foreign['group']}",
        ):
            answer = stored.client.get(f"/v3/{noun}/detail?{query}", as_=stored.book.other, version=VERSION)
            assert answer.status_code == 400 or answer.json[noun] == [], f"{noun}?{query}"
        marked = stored.client.get(f"/v3/{noun}?marker={foreign[thing]}", as_=stored.book.other, version=VERSION)
        assert marked.status_code == 404, noun
