"""Accounts of the bus: which exchanges, queues and topics are whose. RabbitMQ itself is asked by the contract tests."""

import re

import pytest

from pileus_kit import accounts
from pileus_kit.accounts import Account, parse

SERVICE, HOST = Account("compute"), Account("compute", "host1")
REPLY = "a" * 32


def test_accounts_have_names() -> None:
    assert (SERVICE.name, HOST.name) == ("compute", "compute@host1")
    assert parse("compute@host1") == HOST
    assert parse("compute") == SERVICE
    assert parse("") == Account("")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rabbit://compute%40host1:secret@127.0.0.1:5672//", HOST),
        ("rabbit://compute:secret@127.0.0.1:5672//", SERVICE),
        ("fake://", Account("")),
    ],
)
def test_a_url_logs_in_with_an_account(url: str, expected: Account) -> None:
    assert accounts.of_url(url) == expected


def test_a_service_declares_the_exchanges_of_its_hosts() -> None:
    assert SERVICE.owns("compute") and SERVICE.owns("compute@host2")
    assert not SERVICE.owns("volume") and not SERVICE.owns("volume@host1")
    assert HOST.owns("compute@host1")
    assert not HOST.owns("compute") and not HOST.owns("compute@host2")


def test_a_host_calls_the_workers_of_its_service_only() -> None:
    assert HOST.may_call("compute.worker") and HOST.may_call("compute.registry")
    assert not HOST.may_call("compute.agent") and not HOST.may_call("compute.jobs")
    assert not HOST.may_call("volume.worker")
    assert SERVICE.may_call("compute.agent") and SERVICE.may_call("compute.jobs")
    assert not SERVICE.may_call("volume.worker")


@pytest.mark.parametrize(
    ("account", "kind", "allowed", "refused"),
    [
        (
            HOST,
            "configure",
            ["compute@host1", "compute.agent.host1", f"reply.compute@host1.{REPLY}"],
            ["compute", "compute.agent.host2", "compute.worker", f"reply.compute.{REPLY}", "compute@host10"],
        ),
        (HOST, "write", ["compute@host1", "compute"], ["compute@host2", "volume"]),
        (HOST, "read", ["compute.agent.host1"], ["compute.agent.host2", "compute.worker", "compute"]),
        (
            SERVICE,
            "configure",
            ["compute", "compute.worker", "compute.worker.host1", "compute@host9", f"reply.compute.{REPLY}"],
            ["compute.agent.host1", "compute.agent", "volume", "volume.worker"],
        ),
        (SERVICE, "write", ["compute@host9", "compute"], ["volume@host9", "volume"]),
        (SERVICE, "read", ["compute.worker", f"reply.compute.{REPLY}"], ["compute@host9", "compute.agent.host9"]),
    ],
)
def test_permissions_of_the_broker(account: Account, kind: str, allowed: list[str], refused: list[str]) -> None:
    expression = account.permissions()[kind]
    assert [name for name in allowed if not re.search(expression, name)] == []
    assert [name for name in refused if re.search(expression, name)] == []


def test_a_host_writes_to_its_service_with_the_keys_of_workers_only() -> None:
    keys = HOST.keys()
    for allowed in ("compute.worker", "compute.registry.host1", f"reply.compute.{REPLY}"):
        assert re.search(keys["write"], allowed)
    for refused in ("compute.agent.host2", "compute.jobs", f"reply.compute@host2.{REPLY}"):
        assert not re.search(keys["write"], refused)
    assert not re.search(keys["read"], "compute.worker")
    assert SERVICE.keys() == {"write": ".*", "read": ".*"}


def test_messages_for_an_agent_go_to_its_host() -> None:
    assert accounts.exchange("compute.agent", "host1") == "compute@host1"
    assert accounts.exchange("compute.agent") == "compute"
    assert accounts.exchange("compute.worker", "host1") == "compute"


def test_answers_go_through_the_exchange_of_the_account_that_asked() -> None:
    assert accounts.reply_exchange(f"reply.compute@host1.{REPLY}") == "compute@host1"


def test_urls_are_found_however_deep() -> None:
    call = {"image": {"url": "http://a:1/x"}, "disks": [{"url": "http://b/y"}, {"url": ""}, {"path": "http://c/"}]}
    assert [accounts.origin(url) for url in accounts.urls_in(call)] == ["http://a:1", "http://b"]
