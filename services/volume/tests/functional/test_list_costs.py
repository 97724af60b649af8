"""No list needs more statements for more rows."""

from collections.abc import Callable
from typing import Any

import pytest

from pileus_kit.testing import assert_flat


class Rows:
    """Creates the i-th row of each noun."""

    def __init__(self, world: Any) -> None:
        self.world, self.admin = world, world.book.admin
        limits = dict.fromkeys(("volumes", "gigabytes", "snapshots", "backups", "backup_gigabytes", "groups"), -1)
        self.send("PUT", "/os-quota-sets/p1", {"quota_set": limits}, self.admin)
        self.volume = world.volume()["id"]

    def send(self, method: str, path: str, body: Any, as_: Any = None) -> Any:
        answer = self.world.client.request(
            method, f"/v3{path}", json=body, as_=as_ or self.world.book.member, version="3.70"
        )
        assert answer.status_code < 300, answer.text
        return answer.json

    def volumes(self, i: int) -> None:
        self.world.volume(name=f"v{i}", metadata={"a": str(i)})

    def attached(self, i: int) -> None:
        volume = self.world.volume(name=f"v{i}")["id"]
        self.send("POST", "/attachments", {"attachment": {"volume_uuid": volume, "instance_uuid": volume}})

    def snapshots(self, i: int) -> None:
        asked = {"volume_id": self.volume, "name": f"s{i}", "metadata": {"a": "b"}}
        self.send("POST", "/snapshots", {"snapshot": asked})
        self.world.drain()

    def backups(self, i: int) -> None:
        self.world.back_up(self.volume, name=f"b{i}", metadata={"a": "b"}, incremental=i % 3 > 0)

    def group_types(self, i: int) -> None:
        self.send("POST", "/group_types", {"group_type": {"name": f"g{i}", "group_specs": {"a": "b"}}}, self.admin)

    def groups(self, i: int) -> None:
        kind = self.world.volume_type(f"t{i}")
        group = self.world.group(kind, "__DEFAULT__", name=f"group{i}")["id"]
        self.world.volume(volume_type=kind, group_id=group)

    def group_snapshots(self, i: int) -> None:
        self.groups(i)
        group = self.world.client.get("/v3/groups?sort=created_at:desc&limit=1", version="3.70").json["groups"][0]
        self.world.snapshot_group(group["id"], name=f"s{i}")

    def types(self, i: int) -> None:
        self.send("POST", "/types", {"volume_type": {"name": f"t{i}", "extra_specs": {"a": "b"}}}, self.admin)

    def transfers(self, i: int) -> None:
        self.send("POST", "/volume-transfers", {"transfer": {"volume_id": self.world.volume()["id"], "name": f"t{i}"}})

    def specs(self, i: int) -> None:
        self.send("POST", "/qos-specs", {"qos_specs": {"name": f"q{i}", "consumer": "back-end", "a": "b"}}, self.admin)


LISTS: dict[str, tuple[Callable[[Rows, int], None], str]] = {  # path: what makes a row, the key of the list
    "/volumes": (Rows.volumes, "volumes"),
    "/volumes/detail": (Rows.attached, "volumes"),
    "/volumes/detail?all_tenants=1&sort=name:asc&with_count=true": (Rows.volumes, "volumes"),
    "/snapshots": (Rows.snapshots, "snapshots"),
    "/snapshots/detail": (Rows.snapshots, "snapshots"),
    "/backups": (Rows.backups, "backups"),
    "/backups/detail": (Rows.backups, "backups"),
    "/group_types": (Rows.group_types, "group_types"),
    "/groups": (Rows.groups, "groups"),
    "/groups/detail?list_volume=true": (Rows.groups, "groups"),
    "/group_snapshots": (Rows.group_snapshots, "group_snapshots"),
    "/group_snapshots/detail": (Rows.group_snapshots, "group_snapshots"),
    "/types": (Rows.types, "volume_types"),
    "/attachments": (Rows.attached, "attachments"),
    "/attachments/detail": (Rows.attached, "attachments"),
    "/volume-transfers": (Rows.transfers, "transfers"),
    "/volume-transfers/detail": (Rows.transfers, "transfers"),
    "/qos-specs": (Rows.specs, "qos_specs"),
    "/operations/jobs": (Rows.volumes, "jobs"),
    "/operations/events": (Rows.volumes, "events"),
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_whatever_its_length(request: pytest.FixtureRequest, path: str) -> None:
    world = request.getfixturevalue("stored" if "backups" in path else "world")
    rows = Rows(world)
    make, key = LISTS[path]
    admins = path.startswith(("/types", "/qos")) or "all_tenants" in path

    def look() -> int:
        answer = world.client.get(
            path if path.startswith("/op") else f"/v3{path}",
            version="3.70",
            as_=world.book.admin if admins else world.book.member,
        )
        assert answer.status_code == 200, answer.text
        return len(answer.json[key])

    assert_flat(world.sessions, lambda i: make(rows, i), look)
