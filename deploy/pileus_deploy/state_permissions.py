"""Who may enter the state directory: only root, and guests on the way to their disks. Older directories are corrected.

Closing the topmost directory is enough, since other users can't reach anything below it by any name. So the cost is the
same for ten files and for ten million.
"""

import grp
import os

from pileus_deploy.libvirtd import GUEST_GROUP
from pileus_deploy.plan import Plan

GUEST_DIRECTORIES = ("instances", "image-cache", "volumes", "snapshots", "libvirt")
"""Where QEMU, as a guest's user in the guests' group, reaches its disks and its monitor."""


def correct(plan: Plan) -> None:
    """Set the mode of everything in the state directory, and open the way to guests' disks."""
    plan.state.mkdir(parents=True, exist_ok=True)
    plan.state.chmod(0o711)
    for entry in plan.state.iterdir():
        if not entry.is_symlink():
            entry.chmod(0o700 if entry.is_dir() else 0o600)
    group = _guest_group(plan)
    for name in GUEST_DIRECTORIES if group is not None else ():
        place = plan.state / name
        place.mkdir(exist_ok=True, mode=0o700)
        os.chown(place, -1, group or 0)
        place.chmod(0o710)


def _guest_group(plan: Plan) -> int | None:
    """Return the guests' group; None if there are no guests, or they run as root."""
    try:
        return grp.getgrnam(GUEST_GROUP).gr_gid if plan.hypervisor == "libvirt" else None
    except KeyError:
        return None
