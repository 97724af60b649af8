"""Hints are free in form and bounded in size; they tell nothing of other projects' servers."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
BODY: dict[str, Any] = {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"}
NONE = "99999999-9999-4999-8999-999999999999"


def asked(compute: ComputeFixture, hints: dict[str, Any], key: str = "os:scheduler_hints") -> Any:
    return compute.client.post("/v2.1/servers", json={"server": BODY, key: hints}, version="2.79")


@pytest.mark.parametrize(
    "hints",
    [
        {f"k{i}": "v" for i in range(10_000)},
        {"x": "v" * 20_000},
        {"x" * 300: 1},
        {"query": {"a": ["b" * 20_000]}},
        {"same_host": [NONE] * 500},
        {"different_cell": [{}]},
        {"cidr": "10.0.0.0/8"},
        {"build_near_host_ip": "here"},
        {"group": "mine"},
    ],
)
@pytest.mark.parametrize("key", ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"])
def test_what_nova_knows_is_checked_and_the_rest_is_bounded(
    compute: ComputeFixture, hints: dict[str, Any], key: str
) -> None:
    assert asked(compute, hints, key).status_code == 400


def test_hints_that_nobody_knows_are_taken(compute: ComputeFixture) -> None:
    assert asked(compute, {"reservation": NONE, "colour": {"deep": [1]}}).status_code == 202


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("networks", {"uuid": NONE}),
        ("security_groups", {"name": "g"}),
        ("block_device_mapping_v2", {"source_type": "blank", "volume_size": 1, "destination_type": "volume"}),
    ],
)
def test_lists_in_a_create_are_bounded(compute: ComputeFixture, field: str, most: dict[str, Any]) -> None:
    answer = compute.client.post("/v2.1/servers", json={"server": BODY | {field: [most] * 256}}, version="2.79")
    assert answer.status_code == 400 and f"server/{field}" in answer.text


@pytest.mark.parametrize("hint", ["same_host", "different_host"])
def test_another_projects_server_is_as_good_as_none(compute: ComputeFixture, hint: str) -> None:
    """Whoever could tell the difference would know where that server runs."""
    other = compute.server(as_=compute.book.other, imageRef=IMAGE_ID)["id"]

    def outcome(server_id: str) -> tuple[str, str]:
        made = asked(compute, {hint: server_id}).json["server"]["id"]
        compute.drain()
        shown = compute.show(made, as_=compute.book.admin)
        return shown["status"], shown.get("fault", {}).get("message", "")

    assert outcome(other) == outcome(NONE)
    own = compute.server(imageRef=IMAGE_ID)["id"]
    assert outcome(own) != outcome(NONE)
