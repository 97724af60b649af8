"""What makes RabbitMQ nodes on several machines one bus, of which any node may be killed, hang or be cut off.

Nodes are named by their addresses, so that they find each other without a name service. A node that sees no majority
pauses itself: its callers are disconnected and go to the others, and it joins again when it sees them. Raft keeps
quorum queues consistent anyway; the pause is for accounts and exchanges, which a part of its own would change alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

TICK_S = 8
"""A node that says nothing for so long, give or take a quarter, counts as down (Erlang's net_ticktime)."""


def environment(address: str, port: int, quiet: str) -> dict[str, str]:
    """Return what differs from the environment of a node that is alone."""
    listening = address.replace(".", ",")
    return {
        "RABBITMQ_NODENAME": node_name(address, port),
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_NODE_IP_ADDRESS": address,
        "ERL_EPMD_ADDRESS": address,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{{listening}}} "
        f"-kernel net_ticktime {TICK_S} {quiet}",
    }


def tls_arguments(options: Path) -> str:
    """Return the arguments with which Erlang speaks TLS to other nodes."""
    return f"-proto_dist inet_tls -ssl_dist_optfile {options}"


def tls_options(folder: Path, files: Mapping[str, str]) -> str:
    """Return the text of the file of TLS options: each side proves itself by a certificate of this cloud.

    Erlang compares the address in a node's name with the certificate's names of hosts: the authority writes it there.
    """
    known = ", ".join(f'{{{option}, "{folder / name}"}}' for option, name in files.items())
    server = f"{known}, {{verify, verify_peer}}, {{fail_if_no_peer_cert, true}}"
    client = f"{known}, {{verify, verify_peer}}"
    return f"[{{server, [{server}]}}, {{client, [{client}]}}].\n"


def config_lines(nodes: Sequence[str], port: int) -> list[str]:
    """Return the lines of rabbitmq.conf. `nodes` are the addresses of all nodes.

    A node without data joins one that runs. So one has to run before the others start for the first time: nodes that
    wait for each other form clusters of their own in the end.
    """
    names = [node_name(address, port) for address in nodes]
    return [
        "cluster_formation.peer_discovery_backend = classic_config",
        *(f"cluster_formation.classic_config.nodes.{number} = {name}" for number, name in enumerate(names, 1)),
        "cluster_partition_handling = pause_minority",
    ]


def node_name(address: str, port: int) -> str:
    """Return the name of the node at an address."""
    return f"pileus{port}@{address}"
