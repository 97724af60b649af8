"""Create a server: place it, give it ports (and volumes), make its disks, boot it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.core import faults, guests, hosts, scheduler, states
from pileus_compute.core.hosts import Claim
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Host, Server
from pileus_compute.errors import HypervisorDown, HypervisorFailed, NoValidHost, TapMissing
from pileus_compute.flows import images, ports, volumes
from pileus_compute.flows.drives import with_drive
from pileus_kit.db import now
from pileus_kit.errors import HostDown, OutOfSpace
from pileus_kit.flow import Flow, Local, Remote, Work

HOST_PATIENCE = 120.0  # a host that can't be reached while building is given up after this
MOST_HOSTS = 3
"""How many hosts a build is tried on."""
OF_THE_HOST = {
    kind.__name__ for kind in (OutOfSpace, HostDown, HypervisorDown, HypervisorFailed, TapMissing, ports.BindingFailed)
}
"""Kinds of failure that another host may not have."""


def claim_of(server: Server, flavor: dict[str, Any] | None = None) -> Claim:
    """What a server takes of a host; a root disk that is a volume takes nothing of it."""
    flavor = flavor or server.flavor
    root = flavor["disk_gib"] if server.image_id else 0
    swap = -(-flavor["swap_mib"] // 1024)
    return Claim(flavor["vcpus"], flavor["memory_mib"], root + flavor["ephemeral_gib"] + swap)


def place(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    server = session.get_one(Server, work.subject)
    spec = demand_of(session, tools, server, work.data.get("excluded", ()))
    chosen = scheduler.select_host(session, server.id, spec)
    server.host, server.zone = chosen.host.name, chosen.zone
    return {"host": chosen.host.name, "hostname": server.hostname}


def demand_of(session: Session, tools: Tools, server: Server, excluded: Iterable[str]) -> scheduler.RequestSpec:
    return scheduler.load_request_spec(
        session, server, claim_of(server), tools.config, frozenset(excluded), avoided=tools.avoided
    )


def unplace(session: Session, tools: Tools, work: Work) -> None:
    hosts.release(session, work.subject)
    server = session.get(Server, work.subject)
    if server:
        server.host = None


def make_ports(tools: Tools, work: Work) -> dict[str, Any]:
    wanted = work.data["networks"]
    made = ports.make(
        tools,
        work,
        str(work.project_id),
        work.data["host"],
        wanted,
        work.data.get("security_groups"),
        work.data.get("hostname", ""),
    )
    return {"ports": made}


def unmake_ports(tools: Tools, work: Work) -> None:
    """Also ports that a lost answer hid from us: they carry the server's id."""
    if work.data["networks"]:
        ports.let_go(tools, work.subject, {w["port_id"] for w in work.data["networks"] if w.get("port_id")})


def wire(session: Session, tools: Tools, work: Work) -> None:
    ports.record(session, work.subject, work.data["ports"])


def unwire(session: Session, tools: Tools, work: Work) -> None:
    ports.erase(session, work.subject)


def prepare(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        server = session.get_one(Server, work.subject)
        wanted = guests.image_ids(server)
    guest = with_drive(tools, work.subject, images.tickets(tools, wanted))
    tools.agent(work.data["host"]).prepare(guest)


def unprepare(tools: Tools, work: Work) -> None:
    """Also the domain, if it came to that."""
    destroy_on(tools, work.data["host"], work.subject)


def destroy_on(tools: Tools, host: str, server_id: str) -> None:
    """Nothing of the server is on the host. One that is down isn't waited for: it is told when it comes back (see
    core.reports)."""
    try:
        tools.agent(host).destroy(server_id)
    except HostDown:
        with tools.sessions.read() as session:
            row = session.get(Host, host)
            if row and hosts.is_up(row, tools.config.host_silence):
                raise


def boot(tools: Tools, work: Work) -> dict[str, Any]:
    with tools.sessions.read() as session:
        guest = guests.describe(session, work.subject)
    booted = tools.agent(work.data["host"]).boot(guest)
    return {
        "power": booted.power.value,
        "devices": booted.devices,
        "root_device": booted.root_device,
        "addresses": booted.addresses,
    }


def finish(session: Session, tools: Tools, work: Work) -> None:
    volumes.note_devices(session, work.subject, {"devices": work.data.get("devices")})
    states.move(
        session,
        work.subject,
        "booted",
        power_state=states.POWER_STATES[work.data["power"]],
        launched_at=now(),
        root_device=work.data["root_device"],
        sealed_password=None,
        progress=0,
        device_addresses=work.data.get("addresses", {}),
    )


def elsewhere(session: Session, tools: Tools, work: Work) -> dict[str, Any] | None:
    """What to begin with once more, if the build failed because of its host and there is another one."""
    host, server = work.data.get("host"), session.get(Server, work.subject)
    tried = [*work.data.get("excluded", ()), host]
    if not host or server is None or server.deleting or work.cancelled or work.data.get("failed") not in OF_THE_HOST:
        return None
    if work.data["failed"] == OutOfSpace.__name__:
        tools.avoid(host)
    if len(tried) > MOST_HOSTS:
        return None
    spec = demand_of(session, tools, server, tried)
    try:
        scheduler.rank(scheduler.candidates(session, spec), spec)
    except NoValidHost:
        return None
    return {key: work.data[key] for key in ("networks", "security_groups")} | {"excluded": tried}


def give_up(session: Session, tools: Tools, work: Work) -> None:
    """Everything is undone: the server stays as an ERROR that names the cause."""
    why = work.error or "The build was stopped."
    states.move(
        session,
        work.subject,
        "failed",
        fault=faults.new_fault(500, why),
        power_state=states.NOSTATE,
        sealed_password=None,
    )


create_server = Flow(
    "server.create",
    Local(place, undo=unplace),
    Remote(make_ports, undo=unmake_ports),
    Local(wire, undo=unwire),
    Remote(prepare, undo=unprepare, patience_s=HOST_PATIENCE),
    Remote(boot, patience_s=HOST_PATIENCE),
    Local(finish),
    failed=give_up,
    again=elsewhere,
)

create_server_with_volumes = Flow(
    "server.create_with_volumes",
    Local(place, undo=unplace),
    Remote(make_ports, undo=unmake_ports),
    Local(wire, undo=unwire),
    Remote(volumes.make_volumes, undo=volumes.unmake_volumes),
    Local(volumes.note_volumes, undo=volumes.unnote_volumes),
    Remote(volumes.wait_volumes),
    Remote(volumes.plug_volumes, undo=volumes.unplug_volumes),
    Local(volumes.note_plugs, undo=volumes.unnote_plugs),
    Remote(prepare, undo=unprepare, patience_s=HOST_PATIENCE),
    Remote(boot, patience_s=HOST_PATIENCE),
    Remote(volumes.complete_plugs),
    Local(finish),
    failed=give_up,
    again=elsewhere,
)
