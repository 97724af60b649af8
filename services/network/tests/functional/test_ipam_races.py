"""Concurrent requests never get the same address, segment, MAC or the last of a quota."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pileus_kit.testing import Client
from pileus_network.testing import NetworkFixture

WRITERS = 8


def at_once(work: Callable[[int], Any], times: int) -> list[Any]:
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(work, range(times)))


def test_concurrent_ports_get_different_addresses(network: NetworkFixture) -> None:
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/28", "enable_dhcp": False})

    def create(_: int) -> tuple[int, Any]:
        answer = Client(network.app).post("/v2.0/ports", json={"port": {"network_id": net}}, as_=network.book.member)
        return answer.status_code, answer.get_json()

    answers = at_once(create, 20)
    made = [body["port"]["fixed_ips"][0]["ip_address"] for status, body in answers if status == 201]
    assert len(made) == len(set(made)) == 13
    assert {body["NeutronError"]["type"] for status, body in answers if status != 201} == {"IpAddressGenerationFailure"}


def test_one_address_asked_for_by_many_goes_to_one(network: NetworkFixture) -> None:
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    requested = {"port": {"network_id": net, "fixed_ips": [{"ip_address": "10.0.0.42"}]}}
    answers = at_once(lambda _: Client(network.app).post("/v2.0/ports", json=requested, as_=network.book.member), 12)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11


def test_the_last_of_a_quota_goes_to_one(network: NetworkFixture) -> None:
    network.client.put("/v2.0/quotas/p1", json={"quota": {"network": 3}}, as_=network.book.admin)
    answers = at_once(
        lambda _: Client(network.app).post("/v2.0/networks", json={"network": {}}, as_=network.book.member), 12
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 9


def test_the_default_group_is_created_once(network: NetworkFixture) -> None:
    answers = at_once(lambda _: Client(network.app).get("/v2.0/security-groups", as_=network.book.member), 12)
    found = {group["id"] for answer in answers for group in answer.get_json()["security_groups"]}
    assert len(found) == 1


def test_a_random_mac_that_is_taken_is_picked_again(network: NetworkFixture, monkeypatch: Any) -> None:
    """On PostgreSQL, concurrent transactions may pick the same MAC; here, the generator returns one twice."""
    net = network.made("network", {})["id"]
    first = network.made("port", {"network_id": net})["mac_address"]
    guesses = iter([first, first, "fa:16:3e:00:00:77"])
    monkeypatch.setattr("pileus_network.core.ipam.new_mac", lambda: next(guesses))
    assert network.made("port", {"network_id": net})["mac_address"] == "fa:16:3e:00:00:77"
