"""Create a server: choose its host, give it ports (and volumes), make its disks, boot it."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from pileus_compute.clients import image
from pileus_compute.core import faults, guests, hosts, scheduler, server_ports, server_volumes, states
from pileus_compute.core.job_data import Added, CreateServerData, as_json
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.errors import BindingFailed, HypervisorDown, HypervisorFailed, TapMissing
from pileus_compute.steps import guests as guest_steps
from pileus_compute.steps import ports, volumes
from pileus_compute.steps.placement import claim_of
from pileus_compute.steps.ports import PortOwner
from pileus_kit.db import now
from pileus_kit.errors import HostDown, OutOfSpace
from pileus_kit.flow import Flow, Local, Remote, Work

HOST_PATIENCE_S = 120.0
"""A host that can't be reached while it builds a server is given up after this."""
MAX_HOSTS = 3
"""How many hosts a build is tried on."""
HOST_FAILURES = {
    kind.__name__ for kind in (OutOfSpace, HostDown, HypervisorDown, HypervisorFailed, TapMissing, BindingFailed)
}
"""Kinds of failure that another host may not have."""


def select_host(session: Session, tools: Tools, work: Work) -> Added:
    server = session.get_one(Server, work.subject)
    spec = _request_spec(session, tools, server, work.data_as(CreateServerData).excluded)
    chosen = scheduler.select_host(session, server.id, spec)
    server.host, server.zone = chosen.host.name, chosen.zone
    return {"host": chosen.host.name, "hostname": server.hostname}


def release_host(session: Session, tools: Tools, work: Work) -> None:
    hosts.release(session, work.subject)
    server = session.get(Server, work.subject)
    if server:
        server.host = None


def _request_spec(session: Session, tools: Tools, server: Server, excluded: Iterable[str]) -> scheduler.RequestSpec:
    return scheduler.load_request_spec(
        session, server, claim_of(server), tools.config, excluded=frozenset(excluded), avoided=tools.avoided
    )


def create_ports(tools: Tools, work: Work) -> Added:
    data = work.data_as(CreateServerData)
    owner = PortOwner(work.subject, str(work.project_id), data.host, data.hostname, data.security_groups)
    return {"ports": as_json(ports.create(tools, work, owner, data.networks))}


def release_ports(tools: Tools, work: Work) -> None:
    """Undo of `create_ports`, whose answer may have been lost: ports carry their server's id."""
    networks = work.data_as(CreateServerData).networks
    if networks:
        ports.release(tools, work.subject, {wanted.port_id for wanted in networks if wanted.port_id})


def record_ports(session: Session, tools: Tools, work: Work) -> None:
    server_ports.record_first(session, work.subject, work.data_as(CreateServerData).ports)


def forget_ports(session: Session, tools: Tools, work: Work) -> None:
    server_ports.forget_all(session, work.subject)


def connect_volumes(tools: Tools, work: Work) -> Added:
    return volumes.connect_volumes(tools, work.subject, str(work.project_id), work.data_as(CreateServerData).host)


def disconnect_volumes(tools: Tools, work: Work) -> None:
    volumes.detach(tools, str(work.project_id), work.subject)


def forget_connections(session: Session, tools: Tools, work: Work) -> None:
    server_volumes.clear_connections(session, work.subject)


def complete_attachments(tools: Tools, work: Work) -> None:
    volumes.complete_attachments(tools, work, str(work.project_id))


def prepare(tools: Tools, work: Work) -> None:
    """Have the host make the guest's disks."""
    with tools.sessions.read() as session:
        image_ids = guests.image_ids(session.get_one(Server, work.subject))
    tickets = image.create_read_tickets(tools.peers, image_ids)
    guest = guest_steps.describe_with_config_drive(tools, work.subject, tickets)
    tools.agent(work.data_as(CreateServerData).host).prepare(guest)


def destroy(tools: Tools, work: Work) -> None:
    """Undo of `prepare` and of `boot`."""
    guest_steps.destroy_on(tools, work.data_as(CreateServerData).host, work.subject)


def boot(tools: Tools, work: Work) -> Added:
    return guest_steps.boot(tools, work.subject)


def activate(session: Session, tools: Tools, work: Work) -> None:
    """The server is ACTIVE."""
    booted = work.data_as(CreateServerData).booted
    assert booted is not None
    server_volumes.set_device_names(session, work.subject, booted.devices)
    states.move(
        session,
        work.subject,
        "booted",
        power_state=states.POWER_STATES[booted.power],
        launched_at=now(),
        root_device=booted.root_device,
        sealed_password=None,
        progress=0,
        device_addresses=booted.addresses,
    )


def try_another_host(session: Session, tools: Tools, work: Work) -> Added | None:
    """What the job begins with once more, if the build failed because of its host and there is another one."""
    data, server = work.data_as(CreateServerData), session.get(Server, work.subject)
    failure: str | None = work.data.get("failed")
    if not data.host or server is None or server.deleting or work.cancelled or failure not in HOST_FAILURES:
        return None
    if failure == OutOfSpace.__name__:
        tools.avoid(data.host)
    tried = [*data.excluded, data.host]
    if len(tried) > MAX_HOSTS:
        return None
    spec = _request_spec(session, tools, server, tried)
    if not scheduler.has_host(session, spec):
        return None
    return {key: work.data[key] for key in ("networks", "security_groups")} | {"excluded": tried}


def mark_failed(session: Session, tools: Tools, work: Work) -> None:
    """Everything is undone: the server stays in ERROR and names the cause."""
    fault = faults.new_fault(500, work.error or "The build was stopped.")
    states.move(session, work.subject, "failed", fault=fault, power_state=states.NOSTATE, sealed_password=None)


create_server = Flow(
    "server.create",
    Local(select_host, undo=release_host),
    Remote(create_ports, undo=release_ports),
    Local(record_ports, undo=forget_ports),
    Remote(prepare, undo=destroy, patience_s=HOST_PATIENCE_S),
    Remote(boot, patience_s=HOST_PATIENCE_S),
    Local(activate),
    failed=mark_failed,
    again=try_another_host,
)

create_server_with_volumes = Flow(
    "server.create_with_volumes",
    Local(select_host, undo=release_host),
    Remote(create_ports, undo=release_ports),
    Local(record_ports, undo=forget_ports),
    Remote(volumes.create_volumes, undo=volumes.delete_volumes),
    Local(volumes.record_volumes, undo=volumes.forget_volumes),
    Remote(volumes.await_volumes),
    Remote(connect_volumes, undo=disconnect_volumes),
    Local(volumes.record_connections, undo=forget_connections),
    Remote(prepare, undo=destroy, patience_s=HOST_PATIENCE_S),
    Remote(boot, patience_s=HOST_PATIENCE_S),
    Remote(complete_attachments),
    Local(activate),
    failed=mark_failed,
    again=try_another_host,
)
