"""A network that leads outside takes routers; servers of members only if it is shared with them."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
OUTSIDE = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
def outside(network: Any) -> str:
    network.add(OUTSIDE, "public", **{"router:external": True}, project_id="admins")
    return OUTSIDE


def asked(compute: ComputeFixture, who: Any, networks: Any) -> Any:
    body = {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": networks}
    return compute.client.post("/v2.1/servers", json={"server": body}, as_=who, version="2.79")


def test_a_member_boots_no_server_onto_one(compute: ComputeFixture, network: Any, outside: str) -> None:
    port = network.port(network_id=outside)["id"]
    for wish in ({"uuid": outside}, {"port": port}):
        answer = asked(compute, compute.book.member, [wish])
        assert answer.status_code == 403, answer.text
        said = answer.json["forbidden"]["message"]
        assert said == f"It is not allowed to create an interface on external network {outside}"
    assert compute.client.get("/v2.1/servers").json == {"servers": []}
    assert asked(compute, compute.book.admin, [{"uuid": outside}]).status_code == 202


def test_nor_plugs_an_interface_into_one(compute: ComputeFixture, network: Any, outside: str) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for wish in ({"net_id": outside}, {"port_id": network.port(network_id=outside)["id"]}):
        answer = compute.client.post(f"/v2.1/servers/{server}/os-interface", json={"interfaceAttachment": wish})
        assert answer.status_code == 403, answer.text


def test_one_that_is_shared_takes_everybody(compute: ComputeFixture, network: Any, outside: str) -> None:
    network.networks[outside]["shared"] = True
    assert asked(compute, compute.book.member, [{"uuid": outside}]).status_code == 202


def test_it_is_never_the_network_of_who_names_none(compute: ComputeFixture, network: Any, outside: str) -> None:
    """The project's only other network is taken, though the project owns the external one too."""
    network.networks[outside]["project_id"] = "p1"
    server = compute.server(imageRef=IMAGE_ID, networks="auto")
    assert list(server["addresses"]) == ["private"]
