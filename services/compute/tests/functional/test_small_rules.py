"""Rules that show a part of an answer, or ask for more than the route does."""

from datetime import timedelta
from pathlib import Path

import pytest

from pileus_compute import app
from pileus_compute.db.models import Host
from pileus_compute.policy import RULES
from pileus_compute.testing import ComputeFixture
from pileus_kit.db import now
from pileus_kit.policy import Enforcer
from pileus_kit.testing import Client

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
STATUS = "os_compute_api:servers:show:host_status"


def override(compute: ComputeFixture, tmp_path: Path, *lines: str) -> Client:
    """A client of the same service whose operator wrote a policy.yaml."""
    file = tmp_path / "policy.yaml"
    file.write_text("\n".join(lines))
    served = app.create(compute.tools, compute.book, Enforcer(RULES, file))
    return Client(served, "compute", as_=compute.book.member)


def silent(compute: ComputeFixture) -> None:
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").seen_at = now() - timedelta(hours=1)


def test_who_may_see_that_a_host_is_unknown_sees_nothing_else(compute: ComputeFixture, tmp_path: Path) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    member = override(compute, tmp_path, f'"{STATUS}:unknown-only": "role:member"')
    paths = (f"/v2.1/servers/{server}", "/v2.1/servers/detail")

    def statuses() -> list[str | None]:
        answers = [member.get(path, version="2.16").json for path in paths]
        return [answers[0]["server"].get("host_status"), answers[1]["servers"][0].get("host_status")]

    assert statuses() == [None, None]
    silent(compute)
    assert statuses() == ["UNKNOWN", "UNKNOWN"]


def test_what_a_host_is_called_that_says_nothing(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]

    def shown() -> str:
        return compute.show(server, as_=compute.book.admin)["host_status"]

    assert shown() == "UP"
    silent(compute)
    assert shown() == "UNKNOWN"
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").disabled = True
    assert shown() == "MAINTENANCE"
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").forced_down = True
    assert shown() == "DOWN"


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("servers:create:attach_network", {"networks": [{"uuid": "22222222-2222-4222-8222-222222222222"}]}),
        ("servers:create:trusted_certs", {"trusted_image_certificates": ["one"]}),
        (
            "servers:create:attach_volume",
            {"block_device_mapping_v2": [{"source_type": "blank", "volume_size": 1, "destination_type": "volume"}]},
        ),
    ],
)
def test_what_a_create_asks_for_has_rules_of_its_own(
    compute: ComputeFixture, tmp_path: Path, rule: str, change: dict[str, object]
) -> None:
    body = {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"}
    client = override(compute, tmp_path, f'"os_compute_api:{rule}": "!"')
    refused = client.post("/v2.1/servers", json={"server": body | change}, version="2.79")
    assert refused.status_code == 403 and rule in refused.text
    assert client.post("/v2.1/servers", json={"server": body}, version="2.79").status_code == 202


def test_a_manager_moves_servers_but_names_no_host(compute: ComputeFixture) -> None:
    server, manager = compute.server(imageRef=IMAGE_ID)["id"], compute.book.manager
    for name, wish in (
        ("migrate", {"host": "host1"}),
        ("os-migrateLive", {"host": "host1", "block_migration": "auto"}),
    ):
        refused = compute.client.post(f"/v2.1/servers/{server}/action", json={name: wish}, as_=manager, version="2.79")
        assert refused.status_code == 403 and ":host" in refused.text


def test_extra_specs_of_a_server_and_of_a_flavor_are_two_rules(compute: ComputeFixture, tmp_path: Path) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    member = override(compute, tmp_path, '"os_compute_api:servers:show:flavor-extra-specs": "!"')
    assert "extra_specs" not in member.get(f"/v2.1/servers/{server}", version="2.61").json["server"]["flavor"]
    assert "extra_specs" in member.get("/v2.1/flavors/1", version="2.61").json["flavor"]


def test_the_topology_of_a_server_without_numa(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    shown = compute.client.get(f"/v2.1/servers/{server}/topology", version="2.78")
    assert shown.status_code == 200 and shown.json == {"nodes": [], "pagesize_kb": None}
    assert compute.client.get(f"/v2.1/servers/{server}/topology", version="2.77").status_code == 404
