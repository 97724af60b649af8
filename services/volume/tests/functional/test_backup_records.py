"""Backup records: exported here, imported into another cloud."""

import base64
import json

import pytest

UNKNOWN = "99999999-9999-4999-8999-999999999999"


def restore(world, backup, as_=None, **asked):
    return world.client.post(f"/v3/p1/backups/{backup['id']}/restore", json={"restore": asked}, as_=as_)


def record_of(world, backup):
    answer = world.client.get(f"/v3/p1/backups/{backup['id']}/export_record", as_=world.book.admin)
    assert answer.status_code == 200, answer.text
    return answer.json["backup-record"]


def changed(record, **values):
    facts = json.loads(base64.b64decode(record["backup_url"])) | values
    return record | {"backup_url": base64.b64encode(json.dumps(facts).encode()).decode()}


def take_in(world, record, as_=None):
    return world.client.post(
        "/v3/p1/backups/import_record", json={"backup-record": record}, as_=as_ or world.book.admin
    )


def test_a_record_is_imported_into_another_cloud(stored):
    backup = stored.back_up(stored.volume()["id"], name="b")
    record = record_of(stored, backup)
    assert take_in(stored, record).status_code == 400  # it is here already
    other = "88888888-8888-4888-8888-888888888888"
    answer = take_in(stored, changed(record, id=other))
    assert answer.status_code == 201 and answer.json["backup"]["id"] == other
    stored.drain()
    assert stored.backup(other)["status"] == "available"
    target = restore(stored, {"id": other}).json["restore"]["volume_id"]
    stored.drain()
    assert stored.fake.origins[target] == "blank"


@pytest.mark.parametrize(
    "values",
    [
        {"id": "../x"},
        {"size": 0},
        {"size": "1"},
        {"container": "a/b"},
        {"account": "../p2"},
        {"prefix": ""},
        {"prefix": "volume_x/../../"},
        {"digest": "x"},
        {"data_timestamp": "never"},
        {"meta": {"a": 1}},
        {"volume_id": None},
    ],
)
def test_records_that_are_refused(stored, values):
    record = record_of(stored, stored.back_up(stored.volume()["id"]))
    refused = take_in(stored, changed(record, **({"id": UNKNOWN} | values)))
    assert refused.status_code == 400, refused.text
    for text in ("!", "e30=", base64.b64encode(b"[" * 100_000).decode()):
        assert take_in(stored, record | {"backup_url": text}).status_code == 400
    assert take_in(stored, record | {"backup_service": "cinder.backup.drivers.swift"}).status_code == 400


def test_an_imported_backup_without_objects_is_in_error(stored):
    record = record_of(stored, stored.back_up(stored.volume()["id"]))
    assert take_in(stored, changed(record, id=UNKNOWN, container="elsewhere")).status_code == 201
    stored.drain()
    shown = stored.backup(UNKNOWN)
    assert shown["status"] == "error" and "elsewhere" in shown["fail_reason"]
