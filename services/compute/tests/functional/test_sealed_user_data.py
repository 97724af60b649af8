"""What users gave to their servers doesn't lie open in the database, nor longer than it is needed."""

import base64
import json
from typing import Any

import pytest
from cryptography.fernet import InvalidToken
from sqlalchemy import inspect, text

from pileus_compute import manage
from pileus_compute.config import Config
from pileus_compute.db.models import Job, Server
from pileus_compute.steps.guests import describe_with_config_drive
from pileus_compute.testing import ComputeFixture
from pileus_kit import sealing
from pileus_kit.errors import CloudError

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
WORDS = "the password of the database is tr0ub4dor"
USER_DATA = base64.b64encode(WORDS.encode()).decode()
PASSWORD = "correct-horse"


@pytest.fixture(autouse=True)
def keys_of_tests() -> Any:
    yield
    sealing.use_keys(["for tests"])


def lying_open(compute: ComputeFixture) -> list[str]:
    """The tables with a row in which a secret can be read."""
    found = []
    with compute.sessions.read() as session:
        for table in inspect(session.connection()).get_table_names():
            rows = session.execute(text(f'SELECT * FROM "{table}"')).all()
            if any(secret in str(row) for row in rows for secret in (USER_DATA, PASSWORD)):
                found.append(table)
    return found


def address_of(compute: ComputeFixture) -> str:
    """The URL of the fixture's own database; on PostgreSQL that is a schema."""
    url = compute.sessions.engine.url
    if url.get_backend_name() == "postgresql":
        with compute.sessions.read() as session:
            schema = session.execute(text("SELECT current_schema()")).scalar_one()
        url = url.update_query_dict({"options": f"-csearch_path={schema}"})
    return url.render_as_string(hide_password=False)


def kept_password(compute: ComputeFixture, server: str) -> str | None:
    with compute.sessions.read() as session:
        return session.get_one(Server, server).sealed_password


def test_nothing_lies_open_at_any_time(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID, user_data=USER_DATA, adminPass=PASSWORD, config_drive=True, drain=False)[
        "id"
    ]
    assert kept_password(compute, server) and not lying_open(compute)
    compute.drain()
    assert kept_password(compute, server) is None and not lying_open(compute)
    compute.act(server, "rebuild", {"imageRef": IMAGE_ID, "user_data": USER_DATA, "adminPass": PASSWORD})
    assert not lying_open(compute)
    shown = compute.show(server, as_=compute.book.admin)
    assert shown["OS-EXT-SRV-ATTR:user_data"] == USER_DATA
    with compute.sessions.read() as session:
        assert session.query(Job).filter_by(flow="server.rebuild").count() == 1


def test_guests_read_it_as_it_was(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID, user_data=USER_DATA, adminPass=PASSWORD, config_drive=True, drain=False)[
        "id"
    ]
    files = describe_with_config_drive(compute.tools, server).config_drive or {}
    assert files["openstack/latest/user_data"] == WORDS.encode()
    assert json.loads(files["openstack/latest/meta_data.json"])["admin_pass"] == PASSWORD


def test_a_password_that_no_guest_will_read_is_not_kept(compute: ComputeFixture) -> None:
    """Only a config drive takes it inside."""
    server = compute.server(imageRef=IMAGE_ID, adminPass=PASSWORD, drain=False)["id"]
    assert kept_password(compute, server) is None
    compute.drain()
    for name, value, status in (
        ("rebuild", {"imageRef": IMAGE_ID, "adminPass": PASSWORD}, 202),
        ("rescue", {"adminPass": PASSWORD}, 200),
    ):
        asked = compute.client.post(f"/v2.1/servers/{server}/action", json={name: value}, version="2.79")
        assert asked.status_code == status and kept_password(compute, server) is None
        compute.drain()


@pytest.mark.parametrize(
    ("name", "value", "call"),
    [
        ("rebuild", {"imageRef": IMAGE_ID, "adminPass": PASSWORD}, "boot"),
        ("rescue", {"adminPass": PASSWORD}, "boot"),
        ("changePassword", {"adminPass": PASSWORD}, "set_password"),
    ],
)
def test_nor_after_what_needed_it_failed(compute: ComputeFixture, name: str, value: Any, call: str) -> None:
    server = compute.server(imageRef=IMAGE_ID, config_drive=True)["id"]

    def break_down() -> None:
        raise CloudError()

    compute.host.driver.fail(call, break_down)
    asked = compute.client.post(f"/v2.1/servers/{server}/action", json={name: value}, version="2.79")
    assert asked.status_code in (200, 202) and kept_password(compute, server)
    compute.drain()
    assert kept_password(compute, server) is None


def test_a_key_is_replaced_by_a_command(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID, user_data=USER_DATA)["id"]
    with compute.sessions.begin() as session:  # as it lay there before there were seals
        session.execute(text("UPDATE servers SET user_data = :open WHERE id = :id"), {"open": USER_DATA, "id": server})
    config = Config(database=address_of(compute), sealing_keys="new,for tests")
    assert manage.reseal(config) == 1 and not lying_open(compute)
    sealing.use_keys(["for tests"])
    with compute.sessions.read() as session, pytest.raises(InvalidToken):
        _ = session.get_one(Server, server).user_data
    sealing.use_keys(["new"])
    with compute.sessions.read() as session:
        assert session.get_one(Server, server).user_data == USER_DATA


def test_without_keys_nothing_is_kept(compute: ComputeFixture) -> None:
    sealing.use_keys([])
    with pytest.raises(sealing.NoKeys):
        Server(user_data=USER_DATA)
