"""Which machines run the APIs of a cloud with a virtual address.

The first has records of the others; they have a list.
"""

import ipaddress
from dataclasses import dataclass

from pileus_deploy.host_records import HostRecords
from pileus_deploy.plan import Plan

ROLE = "control"


@dataclass(frozen=True)
class ControlMachine:
    """A machine with APIs, workers and a node of the bus."""

    name: str
    address: str


def all_of(plan: Plan) -> list[ControlMachine]:
    """Return all control machines of the cloud, as far as this one knows; the first one first."""
    if plan.controller:
        parts = (text.rpartition("@") for text in plan.control_machines)
        return [ControlMachine(name, address) for name, _, address in parts]
    members = HostRecords(plan.state / "registrar").members() if plan.virtual_address else []
    joined = [ControlMachine(record.name, record.address) for record in members if ROLE in record.roles]
    return [ControlMachine(plan.host, plan.address), *joined]


def others(plan: Plan) -> list[ControlMachine]:
    """Return all control machines but this one."""
    return [machine for machine in all_of(plan) if machine.name != plan.host]


def names_of(machines: list[ControlMachine]) -> tuple[str, ...]:
    """Return the machines as a plan keeps them."""
    return tuple(f"{machine.name}@{machine.address}" for machine in machines)


def why_refused(plan: Plan, before: Plan) -> str:
    """Return why the cloud can't have this virtual address, or can't change it; '' if it can."""
    address, exists = plan.virtual_address, before.state.joinpath("databases").exists()
    if exists and address != before.virtual_address:
        return "The catalogue names the cloud's address: --virtual-address is chosen when the cloud is made."
    if exists or not address:
        return ""
    if not plan.tls or not plan.makes_databases:
        return (
            "--virtual-address is for a cloud of several control machines: it takes --tls, and --database with the URL "
            "of PostgreSQL servers that all of them reach."
        )
    if address == plan.address or ipaddress.ip_address(plan.address).is_loopback:
        return "--address is this machine's own address, and --virtual-address another one of the same network."
    return ""
