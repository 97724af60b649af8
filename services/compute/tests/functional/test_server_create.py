"""What `POST /servers` accepts and refuses."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flavorRef": "nope"}, "Flavor nope could not be found"),
        ({"imageRef": "99999999-9999-4999-8999-999999999999"}, "could not be found"),
        ({"key_name": "nope"}, "Invalid key_name provided"),
        ({"networks": [{"uuid": "99999999-9999-4999-8999-999999999999"}]}, "Network 99999999"),
        ({"networks": [{"port": "99999999-9999-4999-8999-999999999999"}]}, "Port id 99999999"),
        ({"colour": "red"}, "Additional properties are not allowed"),
        ({"name": ""}, "name"),
        ({"user_data": "not base64!"}, "user_data"),
        ({"min_count": 3, "max_count": 2}, "min_count must be <= max_count"),
        ({"imageRef": ""}, "Block Device Mapping is Invalid"),
        ({"availability_zone": "mars"}, "The requested availability zone is not available"),
        ({"security_groups": [{"name": "nope"}], "networks": "auto"}, "Security group nope not found"),
        ({"metadata": {"k": 1}}, "metadata"),
    ],
)
def test_bad_servers_are_refused(compute: ComputeFixture, network: Any, change: dict[str, Any], message: str) -> None:
    body = {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"} | change
    answer = compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")
    assert answer.status_code == 400, answer.text
    assert answer.json["badRequest"]["code"] == 400 and message in answer.json["badRequest"]["message"]
    assert not compute.rung and not network.ports
    assert compute.client.get("/v2.1/servers").json == {"servers": []}


def test_small_flavors_are_refused(compute: ComputeFixture, image: Any) -> None:
    image.add("55555555-5555-4555-8555-555555555555", min_ram=1024)
    body = {"name": "x", "flavorRef": "1", "imageRef": "55555555-5555-4555-8555-555555555555"}
    answer = compute.client.post("/v2.1/servers", json={"server": body})
    assert answer.status_code == 400 and "memory is too small" in answer.text


def test_several_at_once(compute: ComputeFixture) -> None:
    body = {
        "name": "x",
        "flavorRef": "1",
        "imageRef": IMAGE_ID,
        "networks": "none",
        "min_count": 2,
        "max_count": 3,
        "return_reservation_id": True,
    }
    made = compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")
    assert made.status_code == 202 and made.json["reservation_id"].startswith("r-")
    compute.drain()
    listed = compute.client.get("/v2.1/servers/detail?sort_key=display_name&sort_dir=asc").json["servers"]
    assert [(s["name"], s["status"]) for s in listed] == [(f"x-{i}", "ACTIVE") for i in (1, 2, 3)]
    first = compute.client.get("/v2.1/servers?limit=2&sort_key=display_name&sort_dir=asc").json
    assert len(first["servers"]) == 2 and first["servers_links"][0]["rel"] == "next"
    path = first["servers_links"][0]["href"].partition("localhost")[2]
    assert [s["name"] for s in compute.client.get(path).json["servers"]] == ["x-3"]


def test_a_new_server_shows_the_groups_that_its_ports_will_have(compute: ComputeFixture, network: Any) -> None:
    network.add("11111111-2222-4333-8444-555555555555", "open", port_security_enabled=False)
    open_one, guarded = {"uuid": "11111111-2222-4333-8444-555555555555"}, {"uuid": network.ID}
    port = {"port": network.port(security_groups=["g-web"])["id"]}

    def shown(networks: Any, **wish: Any) -> list[str]:
        server = compute.show(compute.server(imageRef=IMAGE_ID, networks=networks, **wish)["id"])
        return [group["name"] for group in server.get("security_groups", ())]

    assert shown([open_one]) == shown("none") == shown([open_one], security_groups=[{"name": "default"}]) == []
    assert shown([guarded, open_one]) == ["default"] and shown([guarded], security_groups=[{"name": "web"}]) == ["web"]
    assert shown([port, guarded]) == ["default", "web"]
    alone = {"port": network.port(security_groups=["g-web"])["id"]}
    assert shown([alone], security_groups=[{"name": "default"}]) == ["web"]
    refused = compute.client.post(
        "/v2.1/servers",
        json={
            "server": {
                "name": "s",
                "flavorRef": "1",
                "imageRef": IMAGE_ID,
                "networks": [open_one],
                "security_groups": [{"name": "web"}],
            }
        },
    )
    assert refused.status_code == 400 and "port_security_enabled" in refused.text
