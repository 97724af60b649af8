"""Odd requests are answered or refused with their cause, never with a 500."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture


@pytest.mark.parametrize(
    "path",
    ["/servers?changes-since=0001-01-01T00:00:00%2B10:00", "/servers/detail?changes-before=9999-12-31T23:59:59-10:00"],
)
def test_a_time_beyond_the_calendar_is_refused(compute: ComputeFixture, path: str) -> None:
    assert compute.client.get(f"/v2.1{path}", version="2.96").status_code == 400


@pytest.mark.parametrize("path", ["/os-simple-tenant-usage", "/os-simple-tenant-usage/p1"])
def test_usage_in_the_first_month_of_the_calendar(compute: ComputeFixture, path: str) -> None:
    answer = compute.client.get(f"/v2.1{path}?end=0001-01-02T00:00:00", as_=compute.book.admin)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("count", ["9" * 5000, "0", 0, 2**31])
def test_a_group_has_a_sensible_number_of_servers_per_host(compute: ComputeFixture, count: Any) -> None:
    wish = {"name": "g", "policy": "anti-affinity", "rules": {"max_server_per_host": count}}
    made = compute.client.post("/v2.1/os-server-groups", version="2.64", json={"server_group": wish})
    assert made.status_code == 400, made.text


@pytest.mark.parametrize(
    "odd",
    [
        {"ram": "0"},
        {"vcpus": "00"},
        {"disk": "-1"},
        {"rxtx_factor": "0"},
        {"rxtx_factor": "0.0"},
        {"rxtx_factor": "9" * 400},
    ],
)
def test_numbers_of_a_flavor_have_bounds_in_digits_too(compute: ComputeFixture, odd: dict[str, str]) -> None:
    wish = {"name": "f", "ram": 1, "vcpus": "1", "disk": 1, "rxtx_factor": "0.5"}
    made = compute.client.post("/v2.1/flavors", json={"flavor": wish | odd}, as_=compute.book.admin)
    assert made.status_code == 400, made.text
    assert compute.client.post("/v2.1/flavors", json={"flavor": wish}, as_=compute.book.admin).status_code == 200


def test_a_limit_in_digits_is_unlimited_or_at_least_nothing(compute: ComputeFixture) -> None:
    for value, status in (("-2", 400), (-2, 400), ("-1", 200), ("010", 200)):
        answer = compute.client.put(
            "/v2.1/os-quota-sets/p1", json={"quota_set": {"cores": value}}, as_=compute.book.admin
        )
        assert answer.status_code == status, answer.text


def test_a_certificate_for_a_user_with_a_long_name(compute: ComputeFixture) -> None:
    wish = {"name": "k", "type": "x509", "user_id": "\u00fc" * 255}
    made = compute.client.post("/v2.1/os-keypairs", version="2.10", json={"keypair": wish}, as_=compute.book.admin)
    assert made.status_code == 201, made.text
    assert made.json["keypair"]["public_key"].startswith("-----BEGIN CERTIFICATE")
