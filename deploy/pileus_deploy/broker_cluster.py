"""What makes RabbitMQ nodes on several machines one bus, of which any node may be killed, hang or be cut off.

Nodes are named by their addresses, so that they find each other without a name service. A node that sees no majority
pauses itself: its callers are disconnected and go to the others, and it joins again when it sees them. Raft keeps
quorum queues consistent anyway; the pause is for accounts and exchanges, which a part of its own would change alone.
"""

from collections.abc import Sequence

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
