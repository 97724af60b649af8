"""The user that a guest's QEMU runs as: each has one of its own, so that a guest that breaks out of QEMU can't open
another guest's disks."""

import os
import tempfile
import uuid
from dataclasses import dataclass

import libvirt
from defusedxml.ElementTree import fromstring

FIRST, COUNT = 0x70000000, 1 << 28
"""User ids that are given to no users otherwise (see systemd's UIDS-GIDS). Two guests that collide aren't separated
from each other."""


@dataclass(frozen=True)
class GuestUsers:
    """`group` is the group of every QEMU, with which it opens /dev/kvm and reaches its disks. None: this host can't
    separate guests, and all run as libvirt's own user."""

    group: int | None

    def label(self, guest_id: str) -> str | None:
        """The guest's user and group as a DAC label of libvirt: `+user:+group`, as numbers."""
        user = self.user(guest_id)
        return None if user is None else f"+{user}:+{self.group}"

    def user(self, guest_id: str) -> int | None:
        """The guest's user id; None if guests have no users of their own."""
        return None if self.group is None else FIRST + uuid.UUID(guest_id).int % COUNT


def find(conn: libvirt.virConnect) -> GuestUsers:
    """Guests get users of their own where libvirt runs them without rights already, and where such ids exist: a
    container may have few."""
    label = fromstring(conn.getCapabilities()).findtext("host/secmodel[model='dac']/baselabel", "")
    user, _, group = label.replace("+", "").partition(":")
    if not (user.isdecimal() and group.isdecimal() and int(user) and _may_own()):
        return GuestUsers(None)
    return GuestUsers(int(group))


def _may_own() -> bool:
    with tempfile.NamedTemporaryFile() as file:
        try:
            os.chown(file.name, FIRST, -1)
        except OSError:
            return False
        return True
