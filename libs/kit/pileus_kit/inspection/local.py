"""Inspects this machine without its agents, which may be what is broken: for `pileus doctor` where the state is."""

import configparser
from pathlib import Path

from pileus_kit.inspection.facts import Inspection
from pileus_kit.inspection.guests import inspect_guests
from pileus_kit.inspection.machine import inspect_machine
from pileus_kit.inspection.network import inspect_network
from pileus_kit.inspection.object_devices import lost_devices
from pileus_kit.inspection.volumes import inspect_volumes


def inspect_here(state: Path) -> Inspection:
    """Return all parts of the machine with this state directory. Raises OSError if one can't be inspected."""

    def option(service: str, name: str) -> str:
        parser = configparser.RawConfigParser()
        parser.read([state / "etc" / f"{service}.conf", state / "etc" / f"{service}-agent.conf"])
        return parser.get("DEFAULT", name, fallback="")

    prefix, runs_guests = option("compute", "prefix"), option("compute", "hypervisor") == "libvirt"
    stores_objects = option("objectstore", "storage_bind")
    return Inspection(
        host=option("compute", "host"),
        machine=inspect_machine(state),
        guests=inspect_guests(state, option("compute", "libvirt_uri"), prefix) if runs_guests else None,
        network=inspect_network(prefix) if option("network", "driver") == "linux" else None,
        volumes=inspect_volumes(state / "volumes") if option("volume", "backend") == "file" else None,
        devices=tuple(lost_devices(state, stores_objects)) if stores_objects else (),
    )
