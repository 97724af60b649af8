"""Machines of this cloud, as an operator on the controller invites and removes them."""

import logging
import time
from dataclasses import replace

from pileus_deploy import authority, broker, control_machines, control_state, haproxy, object_hosts
from pileus_deploy.host_records import HostRecord, HostRecords
from pileus_deploy.plan import Plan

log = logging.getLogger(__name__)

OTHERS_S = 3.0
LINE = "{address}:{port}/{secret}/{fingerprint}"


class NoMembers(RuntimeError):
    """Machines can't join, or leave; the message says why."""


def records(plan: Plan) -> HostRecords:
    """Return the files of the machines that joined. Raises NoMembers where none can be."""
    if plan.controller:
        raise NoMembers(f"this machine joined the cloud at {plan.controller}; run this there")
    if not plan.tls:
        raise NoMembers("machines join a cloud with TLS: `deploy/down`, then `deploy/up --tls --address ADDRESS`")
    return HostRecords(plan.state / "registrar")


def invite(plan: Plan, roles: tuple[str, ...]) -> str:
    """Return the line with which one machine can join within an hour."""
    known = records(plan)
    if control_machines.ROLE in roles and not plan.virtual_address:
        raise NoMembers(
            "further control machines join a cloud that began with --virtual-address, as the catalogue names it: "
            "`deploy/up --help`"
        )
    known.forget_old_invitations()
    signer = authority.load(plan.state / "registrar")
    return LINE.format(
        address=plan.address, port=plan.host_port, secret=known.invite(roles), fingerprint=signer.fingerprint
    )


def remove(plan: Plan, name: str) -> HostRecord:
    """End everything that the machine may do; when this returns, it may do nothing any more. Idempotent."""
    known = records(plan)
    with known.alone():
        record = known.find(name)
        if record is None:
            raise NoMembers(f"there is no machine called {name}; `pileus host list` shows them")
        if record.is_member:
            record = replace(record, removed_at=time.time())
            known.save(record)
    broker.write_accounts(plan)  # a node that starts again reads them, and must not give the accounts back
    haproxy.refuse(plan, list(record.serials), record.address)
    if record.accounts:
        broker.control(plan).delete_accounts(record.accounts)
    if object_hosts.keeps_objects(record):
        object_hosts.manage(plan, "refuse", *record.serials)
    if plan.virtual_address:
        _wait_for_others(plan, known, record)
    return record


def _wait_for_others(plan: Plan, known: HostRecords, removed: HostRecord) -> None:
    """Wait until the other control machines refuse the machine, too."""
    machines = [machine for machine in control_machines.others(plan) if machine.name != removed.name]
    deadline = time.monotonic() + OTHERS_S
    state = control_state.collect(plan)
    while late := [machine.name for machine in machines if known.known_version(machine.name) != state["version"]]:
        if time.monotonic() > deadline:
            log.warning("%s hasn't said that it refuses %s", ", ".join(late), removed.name)
            return
        time.sleep(0.05)
