import pytest

from pileus_compute.core import keypairs, servers, states
from pileus_compute.db.models import Server
from pileus_compute.errors import BadState
from pileus_compute.flows import FLOWS
from pileus_kit.errors import BadRequest


@pytest.mark.parametrize(
    ("name", "hostname"),
    [
        ("web 1", "web-1"),
        ("Büro node_A.example", "buro-node-a-example"),
        ("日本", "Server-ID"),
        ("...", "Server-ID"),
        ("web.example.org", "web-example-org"),
        ("www.10", "www-10"),
        ("-.x.-", "x"),
        ("a" * 80, "a" * 63),
    ],
)
def test_hostnames_are_what_guests_accept(name: str, hostname: str) -> None:
    assert servers.hostname_of(name, "ID") == hostname


def test_hostnames_of_several_servers_stay_apart() -> None:
    assert servers.hostname_of("a" * 80, "ID", 12) == "a" * 60 + "-12"
    assert servers.hostname_of("日本", "ID", 12) == "Server-ID"


def test_moves_lead_to_statuses_that_exist() -> None:
    for event, moves in states.MOVES.items():
        assert set(moves) <= set(states.STABLE) and set(moves.values()) <= set(states.STABLE), event
    assert set(states.TASK_STATES) <= {flow.name for flow in FLOWS} and set(states.TRANSITIONAL) <= set(
        states.TASK_STATES
    )
    for flow in FLOWS:
        steps = set(states.TASK_STATES.get(flow.name, {})) - {"", states.NOT_STARTED}
        assert steps <= set(flow.index), f"{flow.name} has no steps {steps - set(flow.index)}"


def test_refusals_name_the_state() -> None:
    server = Server(id="s", status="SHUTOFF", deleting=False)
    with pytest.raises(BadState, match="Cannot 'stop' instance s while it is in vm_state stopped"):
        states.require(server, "stop", None)
    with pytest.raises(BadState, match="while it is in task_state powering-on"):
        states.require(server, "start", "powering-on")
    states.require(server, "start", None)
    server.deleting = True
    with pytest.raises(BadState, match="task_state deleting"):
        states.require(server, "start", None)


def test_fingerprints_are_openstacks() -> None:
    """Compared with `ssh-keygen -l -E md5`."""
    private, public = keypairs.generate("ssh", "u")
    assert private.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert len(keypairs.fingerprint_of("ssh", public).split(":")) == 16
    _, certificate = keypairs.generate("x509", "u")
    assert len(keypairs.fingerprint_of("x509", certificate).split(":")) == 20
    for bad in ("", "ssh-rsa", "ssh-rsa AAAA\nssh-rsa BBBB", "ssh-ed25519 !!!!"):
        with pytest.raises(BadRequest):
            keypairs.fingerprint_of("ssh", bad)
