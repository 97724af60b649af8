"""Attach and detach interfaces of a server that exists."""

from sqlalchemy.orm import Session

from pileus_compute.clients import network
from pileus_compute.core import guests, server_ports, server_volumes
from pileus_compute.core.job_data import Added, AttachInterfaceData, DetachInterfaceData, as_json
from pileus_compute.core.server_jobs import server_id_of
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server, ServerPort
from pileus_compute.steps import guests as guest_steps
from pileus_compute.steps import ports
from pileus_compute.steps.ports import PortOwner
from pileus_kit.flow import Flow, Local, Remote, Work


def create_port(tools: Tools, work: Work) -> Added:
    server_id, data = server_id_of(work.subject), work.data_as(AttachInterfaceData)
    with tools.sessions.read() as session:
        server = session.get_one(Server, server_id)
        owner = PortOwner(server_id, server.project_id, server.host or "", security_groups=data.security_groups)
    created = ports.create(tools, work, owner, [data.network])
    return {"port": as_json(created[0]), "host": owner.host}


def release_port(tools: Tools, work: Work) -> None:
    """Undo of `create_port`, whose answer may have been lost."""
    server_id, users_port = server_id_of(work.subject), work.data_as(AttachInterfaceData).network.port_id
    description = ports.description_of(work, 0)
    listed = network.list_ports(tools.peers, server_id)
    ours = {port.id for port in listed if port.id == users_port or port.description == description}
    if ours:
        ports.release(tools, server_id, {users_port} if users_port else set(), only=ours)


def record_port(session: Session, tools: Tools, work: Work) -> None:
    port = work.data_as(AttachInterfaceData).port
    assert port is not None
    server_ports.record_another(session, server_id_of(work.subject), port)


def forget_port(session: Session, tools: Tools, work: Work) -> None:
    """Undo of `record_port`."""
    port = work.data_as(AttachInterfaceData).port
    if port is not None:
        server_ports.forget(session, port.id)


def plug(tools: Tools, work: Work) -> Added:
    """Give the interface to the guest. A server that is on no host gets it when it is built again."""
    data = work.data_as(AttachInterfaceData)
    assert data.port is not None
    with tools.sessions.read() as session:
        nic = guests.nic_of(session.get_one(ServerPort, data.port.id))
    if not data.host:
        return {}
    return {"address": tools.agent(data.host).attach_nic(server_id_of(work.subject), nic).address}


def unplug(tools: Tools, work: Work) -> None:
    """Undo of `plug`."""
    data = work.data_as(AttachInterfaceData)
    server_id = server_id_of(work.subject)
    if data.host and data.port is not None:
        with guest_steps.unless_gone(tools, server_id):
            tools.agent(data.host).detach_nic(server_id, data.port.id)


def record_device_address(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(AttachInterfaceData)
    assert data.port is not None
    server_volumes.add_device_address(session, server_id_of(work.subject), data.port.id, data.address)


def load_port(session: Session, tools: Tools, work: Work) -> Added:
    row = session.get_one(ServerPort, work.data_as(DetachInterfaceData).port_id)
    server = session.get_one(Server, server_id_of(work.subject))
    return {"host": server.host, "delete_on_termination": row.delete_on_termination}


def unplug_port(tools: Tools, work: Work) -> None:
    data = work.data_as(DetachInterfaceData)
    if data.host:
        tools.agent(data.host).detach_nic(server_id_of(work.subject), data.port_id)


def delete_port(tools: Tools, work: Work) -> None:
    """Delete the port, or unbind it if the user had made it."""
    data = work.data_as(DetachInterfaceData)
    users_ports = set() if data.delete_on_termination else {data.port_id}
    ports.release(tools, server_id_of(work.subject), users_ports, only={data.port_id})


def forget_detached_port(session: Session, tools: Tools, work: Work) -> None:
    server_ports.forget(session, work.data_as(DetachInterfaceData).port_id)


attach_interface = Flow(
    "server.attach_interface",
    Remote(create_port, undo=release_port),
    Local(record_port, undo=forget_port),
    Remote(plug, undo=unplug, patience_s=120.0),
    Local(record_device_address),
)

detach_interface = Flow(
    "server.detach_interface",
    Local(load_port),
    Remote(unplug_port),
    Remote(delete_port),
    Local(forget_detached_port),
)
