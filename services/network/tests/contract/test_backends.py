"""What every driver must do."""

from dataclasses import replace

import pytest

from pileus_network import rpc


@pytest.fixture
def small(cloud, words):
    """A state with one of everything."""
    public = cloud.network("203.0.113.0/24", kind="flat", segment=None, physical_network="public", mtu=1500)
    network = cloud.network()
    group = cloud.group(*words.ALL)
    id = cloud.id()
    cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    leg = cloud.port(network, "10.5.0.1", owner=rpc.INTERFACE_OWNER, device=id)
    gateway = cloud.port(public, "203.0.113.10", owner=rpc.GATEWAY_OWNER, device=id)
    cloud.port(network, "10.5.0.11", security_groups=(group.id,))
    cloud.router(leg, gateway=gateway, id=id)
    return cloud


def test_all_local_ports_are_reported_and_again_the_same(backend, small):
    small.port(small.state.networks[1], "10.5.0.12", local=False)
    first = backend.apply(small.state, True)
    assert set(first.ports) == {port.id for port in small.state.ports if port.local} and not first.failures
    assert backend.apply(small.state, False) == first
    assert backend.apply(replace(small.state, generation=9), True) == first


def test_disabled_and_removed_ports_are_not_reported(backend, small):
    backend.apply(small.state, False)
    port = small.state.ports[3]
    off = small.change(port, admin_up=False)
    assert port.id not in backend.apply(small.state, False).ports
    small.change(off, admin_up=True)
    assert port.id in backend.apply(small.state, False).ports
    small.drop(small.state.ports[3])
    assert port.id not in backend.apply(small.state, False).ports


def test_an_empty_state_is_fine_at_any_time(backend, small):
    for state in (small.empty(), small.state, small.empty(), small.empty()):
        report = backend.apply(state, False)
        assert not report.failures and len(report.ports) == len(state.ports)


def test_two_hundred_ports_come_and_go(backend, small):
    network = small.state.networks[1]
    few = small.state
    for n in range(200):
        small.port(network, f"10.5.{n // 200}.{20 + n % 200}")
    assert len(backend.apply(small.state, False).ports) == 204
    assert len(backend.apply(few, False).ports) == 4


def test_a_failure_does_not_stop_the_rest(host, small):
    """A network on a physical network that this host doesn't have, among valid ones."""
    lost = small.network("198.51.100.0/24", kind="flat", segment=None, physical_network="elsewhere", mtu=1500)
    port = small.port(lost, "198.51.100.5")
    report = host.apply(small.state, flawless=False)
    assert port.id not in report.ports and len(report.ports) == len(small.state.ports) - 1
    assert [(failure.kind, failure.id) for failure in report.failures] == [("network", lost.id)]
    assert "elsewhere" in report.failures[0].cause
