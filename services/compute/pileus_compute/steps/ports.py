"""A server's ports: created or bound in the network service, recorded, moved with the server, and freed again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from pileus_compute.clients import network
from pileus_compute.clients.network import NewPort, Port
from pileus_compute.core.job_data import RequestedNetwork
from pileus_compute.core.server_ports import PortRecord
from pileus_compute.core.tools import Tools
from pileus_compute.errors import BindingFailed, PortTaken
from pileus_kit.flow import Work

MAX_DNS_LABEL = 63


@dataclass(frozen=True)
class PortOwner:
    """The server that ports are for."""

    server_id: str
    project_id: str
    host: str
    hostname: str = ""
    """Empty: the ports get no DNS name."""
    security_groups: tuple[str, ...] | None = None
    """Ids for the ports that are made; None: the project's default group."""


def create(tools: Tools, work: Work, server: PortOwner, requested: Sequence[RequestedNetwork]) -> list[PortRecord]:
    """Have a port for each requested network. A repeated step finds the ports that it has made before.

    Raises PortTaken, BindingFailed.
    """
    if not requested:
        return []
    existing = {port.description: port for port in network.list_ports(tools.peers, server.server_id)}
    ports: dict[int, Port] = {}
    missing: list[int] = []
    for index, wanted in enumerate(requested):
        if wanted.port_id:
            ports[index] = _bind(tools, wanted.port_id, server)
        elif description_of(work, index) in existing:
            ports[index] = existing[description_of(work, index)]
        else:
            missing.append(index)
    if missing:
        new = [_new_port(server, requested[index], description_of(work, index)) for index in missing]
        ports |= dict(zip(missing, network.create_ports(tools.peers, new), strict=True))
    floating = network.floating_addresses(tools.peers, [r.port_id for r in requested if r.port_id])
    return [_record(_checked(ports[index]), wanted, floating) for index, wanted in enumerate(requested)]


def release(tools: Tools, server_id: str, users_ports: Collection[str], only: Collection[str] | None = None) -> None:
    """Delete the ports that were made for the server and unbind the user's; `only` these, if given.

    Ports are found by the server's id, so those are found, too, whose creation had no answer.
    """
    for port in network.list_ports(tools.peers, server_id):
        if only is not None and port.id not in only:
            continue
        if port.id in users_ports:
            network.unbind_port(tools.peers, port.id)
        else:
            network.delete_port(tools.peers, port.id)


def move(tools: Tools, server_id: str, host: str) -> None:
    """Bind all ports of the server to this host, or to none (""). Raises BindingFailed."""
    for port in network.list_ports(tools.peers, server_id):
        _checked(port if port.host == host else network.move_port(tools.peers, port.id, host))


def description_of(work: Work, index: int) -> str:
    """The description of the port that a job makes for its requested network number `index`."""
    return f"server port {index} ({work.id[:8]})"


def _bind(tools: Tools, port_id: str, server: PortOwner) -> Port:
    port = network.show_port(tools.peers, port_id)
    if port.device_id not in ("", server.server_id):
        raise PortTaken(port=port_id)
    return network.bind_port(tools.peers, port, server.server_id, server.host, server.hostname[:MAX_DNS_LABEL])


def _new_port(server: PortOwner, wanted: RequestedNetwork, description: str) -> NewPort:
    return NewPort(
        network_id=wanted.network_id,
        project_id=server.project_id,
        server_id=server.server_id,
        host=server.host,
        description=description,
        dns_name=server.hostname[:MAX_DNS_LABEL],
        fixed_ip=wanted.fixed_ip,
        security_groups=server.security_groups,
    )


def _checked(port: Port) -> Port:
    """Raises BindingFailed if the network can't serve the port on its host: waiting would not help."""
    if port.vif_type == "binding_failed":
        raise BindingFailed(port=port.id, host=port.host)
    return port


def _record(port: Port, wanted: RequestedNetwork, floating: Mapping[str, dict[str, str]]) -> PortRecord:
    return PortRecord(
        id=port.id,
        network_id=port.network_id,
        network_name=wanted.network_name,
        mac=port.mac_address,
        mtu=wanted.mtu,
        fixed_ips=[asdict(address) for address in port.fixed_ips],
        floating_ips=floating.get(port.id, {}),
        delete_on_termination=not wanted.port_id,
        tag=wanted.tag,
    )
