"""What attackers and other test suites found wrong, one test for each finding of docs/findings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy

from pileus_volume.db.models import Attachment, Backup, Volume

IMAGE = "11111111-1111-4111-8111-111111111111"


def test_an_incremental_backup_builds_upon_the_callers_own(stored: Any) -> None:
    """An administrator's backup of a member's volume would be a child that the member neither sees nor can delete."""
    volume = stored.volume()["id"]
    first = stored.back_up(volume)["id"]
    boss = stored.book.admin
    stranger = stored.book.add(type(boss)(**{**vars_of(boss), "token": "token-boss", "project_id": "p9"}))
    asked = {"backup": {"volume_id": volume, "incremental": True}}
    answer = stored.client.post("/v3/backups", json=asked, as_=stranger)
    assert answer.status_code == 400 and "No backups available" in answer.text
    with stored.sessions.read() as session:
        assert session.query(Backup).filter(Backup.parent_id == first).count() == 0
    assert stored.client.post("/v3/backups", json=asked).status_code == 202
    stored.drain()
    assert stored.client.delete(f"/v3/backups/{first}").status_code == 400, "the caller's own child keeps it"


def vars_of(caller: Any) -> dict[str, Any]:
    return {name: getattr(caller, name) for name in caller.__dataclass_fields__}


def test_an_image_names_the_type_of_its_volumes(world: Any) -> None:
    fast = world.volume_type("fast")
    image = world.images.config["images"][IMAGE]
    image["cinder_img_volume_type"] = "fast"
    assert world.volume(imageRef=IMAGE)["volume_type_id"] == fast
    other = world.volume_type("other")
    assert world.volume(imageRef=IMAGE, volume_type="other")["volume_type_id"] == other, (
        "the caller's request comes first"
    )
    image["cinder_img_volume_type"] = "no such type"
    assert world.volume(imageRef=IMAGE)["volume_type"] == "__DEFAULT__"


def test_an_image_cannot_name_a_type_that_its_user_may_not_see(world: Any) -> None:
    world.volume_type("secret", **{"os-volume-type-access:is_public": False})
    world.images.config["images"][IMAGE]["cinder_img_volume_type"] = "secret"
    assert world.volume(imageRef=IMAGE)["volume_type"] == "__DEFAULT__"


def test_unmanage_is_for_administrators(world: Any) -> None:
    volume = world.volume()["id"]
    snapshot = world.snapshot(volume)["id"]
    for path in (f"/v3/snapshots/{snapshot}/action", f"/v3/volumes/{volume}/action"):
        assert world.client.post(path, json={"os-unmanage": {}}).status_code == 403


def test_a_volume_that_never_got_a_host_is_gone_at_once(world: Any) -> None:
    nowhere = world.volume_type("nowhere", extra_specs={"volume_backend_name": "elsewhere"})
    volume = world.volume(volume_type="nowhere")
    assert volume["status"] == "error"
    assert world.client.delete(f"/v3/volumes/{volume['id']}").status_code == 202
    with world.sessions.read() as session:
        assert session.get(Volume, volume["id"]) is None
    assert world.client.delete(f"/v3/types/{nowhere}", as_=world.book.admin).status_code == 202


def test_no_return_to_a_snapshot_of_another_size(world: Any) -> None:
    volume = world.volume()["id"]
    snapshot = world.snapshot(volume)["id"]
    assert world.act(volume, "os-extend", {"new_size": 2}).status_code == 202
    world.drain()
    answer = world.act(volume, "revert", {"snapshot_id": snapshot})
    assert answer.status_code == 400 and "must be equal" in answer.text
    assert world.show(volume)["status"] == "available"


def test_texts_that_are_read_as_literals(world: Any) -> None:
    """Every text that a caller may write is a filter or is refused with 400, in every list."""
    texts = (
        "{[]: 1}",
        "{{}: 1}",
        "{1}",
        "[",
        "{'a': {}}",
        "1" * 4000,
        "(" * 1000,
        "-" * 4000 + "1",
        "{**{}}",
        "\0",
        "{'a': f'{1}'}",
        "{'a': 1e999}",
        "{'a'",
        "{'\ud800': 1}".encode("utf-8", "replace").decode(),
        "9" * 4097,
        "{'a': b'b'}",
        "{(1, []): 2}",
        "{'a': 1j}",
        "None",
        "{'k': '" + "\\N{DIGIT ONE}" * 100 + "'}",
    )
    for noun in ("volumes", "snapshots", "backups", "groups", "attachments", "group_snapshots", "messages", "types"):
        for name in ("metadata", "glance_metadata", "extra_specs", "consumes_quota", "created_at", "name~", "limit"):
            for text in texts:
                answer = world.client.get(f"/v3/{noun}", query_string={name: text}, version="3.70")
                assert answer.status_code in (200, 400), f"{noun} {name}={text[:40]}: {answer.status_code}"


def test_a_filter_has_so_many_keys(world: Any) -> None:
    for count, status in ((64, 200), (65, 400)):
        wanted = {"metadata": str({f"k{number}": "v" for number in range(count)})}
        for noun in ("volumes", "snapshots"):
            assert world.client.get(f"/v3/{noun}", query_string=wanted, version="3.70").status_code == status


def test_who_owns_a_servers_disk_cannot_connect_it_elsewhere(world: Any) -> None:
    """Otherwise the user would have the disk on two machines, and learn where it is."""
    server, volume = "33333333-3333-4333-8333-333333333333", world.volume()["id"]
    held = {"attachment": {"volume_uuid": volume, "instance_uuid": server, "connector": {"host": "host1"}}}
    attachment = world.client.post("/v3/attachments", json=held, version="3.44").json["attachment"]["id"]
    world.compute.config["attached"][server, volume] = attachment
    path, other = f"/v3/attachments/{attachment}", {"attachment": {"connector": {"host": "elsewhere"}}}
    refused = world.client.put(path, json=other, version="3.44")
    assert refused.status_code == 409 and "connection_info" not in refused.text
    for host in ("host1", ""):
        taken = world.act(volume, "os-initialize_connection", {"connector": {"host": host}})
        assert taken.status_code in (400, 409) and "connection_info" not in taken.text
    assert world.client.put(path, json=other, version="3.44", as_=world.book.service).status_code == 200
    reserved = world.volume()["id"]
    held = {"attachment": {"volume_uuid": reserved, "instance_uuid": server}}
    attachment = world.client.post("/v3/attachments", json=held, version="3.44").json["attachment"]["id"]
    world.compute.config["attached"][server, reserved] = attachment
    taken = world.act(reserved, "os-initialize_connection", {"connector": {"host": "elsewhere"}})
    assert taken.status_code == 409 and "connection_info" not in taken.text


def test_a_service_makes_what_a_server_needs_without_its_user(world: Any) -> None:
    """Compute's user has the role service only, and the tokens of compute's users may have expired."""
    service = world.book.service
    made = world.client.post("/v3/p1/volumes", json={"volume": {"size": 1, "imageRef": IMAGE}}, as_=service)
    assert made.status_code == 202
    world.drain()
    volume = made.json["volume"]["id"]
    assert world.show(volume)["os-vol-tenant-attr:tenant_id"] == "p1"
    assert world.client.get(f"/v3/p1/volumes/{volume}", as_=service).json["volume"]["status"] == "available"
    held = {"attachment": {"volume_uuid": volume, "instance_uuid": volume, "connector": {"host": "host1"}}}
    attachment = world.client.post("/v3/p1/attachments", json=held, version="3.44", as_=service).json["attachment"]
    done = world.client.post(
        f"/v3/p1/attachments/{attachment['id']}/action", json={"os-complete": {}}, version="3.44", as_=service
    )
    assert done.status_code == 204
    path = f"/v3/p2/attachments/detail?all_tenants=1&instance_id={volume}"
    listed = world.client.get(path, version="3.44", as_=service)
    assert [each["id"] for each in listed.json["attachments"]] == [attachment["id"]]
    snapshot = {"snapshot": {"volume_id": volume, "force": True, "metadata": {"mark": "m"}}}
    taken = world.client.post("/v3/p1/snapshots", json=snapshot, as_=service).json["snapshot"]["id"]
    world.drain()
    assert (
        world.client.get(
            "/v3/p2/snapshots/detail?all_tenants=1&metadata={'mark': 'm'}", version="3.60", as_=service
        ).json["snapshots"][0]["id"]
        == taken
    )
    for method, path in (
        ("DELETE", f"/v3/p1/snapshots/{taken}"),
        ("DELETE", f"/v3/p1/attachments/{attachment['id']}"),
        ("DELETE", f"/v3/p1/volumes/{volume}"),
    ):
        assert world.client.request(method, path, version="3.44", as_=service).status_code in (200, 202), path
        world.drain()


def test_a_shown_time_is_a_bound(world: Any) -> None:
    """A time that was shown finds its volume when it is used as a bound."""
    volume = world.volume()
    for name in ("created_at", "updated_at"):
        shown = volume[name]
        for text in (shown, shown + "+00:00", shown + "Z"):
            for how in ("gte", "lte", "eq", "gt", "lt", "neq"):
                bound = {name: f"{how}:{text}"}
                found = world.client.get("/v3/volumes", query_string=bound, version="3.60").json["volumes"]
                assert bool(found) is (how in ("gte", "lte", "eq")), f"{name}={how}:{text}"
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    bound = {"created_at": f"gt:{later}"}
    assert world.client.get("/v3/volumes", query_string=bound, version="3.60").json["volumes"] == []


def test_who_asks_whether_a_volume_is_encrypted_is_told(world: Any) -> None:
    volume, path = world.volume()["id"], "/v3/volumes/{}/encryption"
    assert world.client.get(path.format(volume)).json == {"encryption_key_id": None}
    assert world.client.get(path.format(volume) + "/encryption_key_id").json == {"encryption_key_id": None}
    assert world.client.get(path.format(volume) + "/cipher").status_code == 404
    assert world.client.get(path.format(volume), as_=world.book.other).status_code == 404
    kind = world.volume_type("plain")
    assert world.client.get(f"/v3/types/{kind}/encryption", as_=world.book.admin).json == {}
    assert world.client.get(f"/v3/types/{kind}/encryption/cipher", as_=world.book.admin).status_code == 404
    assert world.client.get(f"/v3/types/{kind}/encryption").status_code == 403


def test_the_short_list_of_snapshots_is_short(world: Any) -> None:
    world.snapshot(world.volume()["id"])
    (short,), (long,) = (
        world.client.get(f"/v3/snapshots{path}", version="3.70").json["snapshots"] for path in ("", "/detail")
    )
    assert long.keys() - short.keys() >= {"group_snapshot_id", "user_id", "consumes_quota"}


def test_names_of_exports_are_sealed(world: Any) -> None:
    """Knowing the name is enough to open the disk, so a copy of the database must not contain it."""
    attachment = world.attach(world.volume()["id"], host="elsewhere")
    name = attachment["connection_info"]["data"]["export"]
    with world.sessions.read() as session:
        rows = session.execute(sqlalchemy.text("SELECT * FROM attachments")).all()
        assert name not in str(rows) and "sealed:" in str(rows)
        kept = session.query(Attachment).one()
        assert (kept.export_name, kept.connection["data"]["export"]) == (name, name)
    again = world.client.get(f"/v3/attachments/{attachment['id']}", version="3.60", as_=world.book.service)
    assert again.json["attachment"]["connection_info"]["data"]["export"] == name
    world.drain()
    assert [export.name for export in world.fake.exports.values()] == [name]
