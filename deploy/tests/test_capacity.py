"""deploy/up looks for room before it starts anything."""

import socket
from pathlib import Path

import pytest

from pileus_deploy import lifecycle
from pileus_deploy.plan import Plan


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A cloud whose identity API would listen on a port that was free just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Plan(tmp_path, offset=free.getsockname()[1] - 5000, hypervisor="fake")


def obstacle(plan: Plan) -> str | None:
    api = next(p for p in lifecycle.processes(plan) if p.name == "identity-api")
    return lifecycle._port_conflict(plan, api)


def test_a_taken_port_is_named(plan: Plan) -> None:
    assert obstacle(plan) is None
    with socket.socket() as other:
        other.bind((plan.address, plan.port("identity")))
        other.listen()
        assert obstacle(plan) == f"port {plan.port('identity')} for identity-api is taken"


def test_a_foreign_address_is_refused(plan: Plan) -> None:
    elsewhere = Plan(plan.state, address="192.0.2.1", offset=plan.offset, hypervisor="fake")
    with pytest.raises(lifecycle.NotReady, match=r"192\.0\.2\.1"):
        obstacle(elsewhere)


def test_a_full_disk_is_refused(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(lifecycle.NotReady, match="MiB are free"):
        lifecycle.check_capacity(plan)
