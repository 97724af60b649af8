"""What compute's agent finds on its machine, for `pileus doctor` elsewhere."""

from pathlib import Path

from pileus_compute.config import Config
from pileus_kit.inspection import Inspection, inspect_guests, inspect_machine


def inspect(config: Config) -> Inspection:
    """Return the machine and, with real guests, these. Raises OSError if the state directory can't be read."""
    state, runs_guests = Path(config.state), config.hypervisor == "libvirt"
    return Inspection(
        host=config.host,
        machine=inspect_machine(state),
        guests=inspect_guests(state, config.libvirt_uri, config.prefix) if runs_guests else None,
    )
