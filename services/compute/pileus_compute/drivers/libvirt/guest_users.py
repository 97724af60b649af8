"""Who a guest's QEMU runs as: a user of its own, so that one that breaks out can't open another guest's disks."""

import os
import tempfile
import uuid
from dataclasses import dataclass

import libvirt
from defusedxml.ElementTree import fromstring

FIRST, COUNT = 0x70000000, 1 << 28
"""User ids that nobody hands out (see systemd's UIDS-GIDS). A collision of two guests costs their separation only."""


@dataclass(frozen=True)
class GuestUsers:
    """`group`: of every QEMU, which opens /dev/kvm and passes to its disks. None: this host can't separate guests, and
    libvirt's own user has them all."""

    group: int | None

    def label(self, guest_id: str) -> str | None:
        """libvirt's DAC label: `+user:+group`, as numbers."""
        user = self.user(guest_id)
        return None if user is None else f"+{user}:+{self.group}"

    def user(self, guest_id: str) -> int | None:
        return None if self.group is None else FIRST + uuid.UUID(guest_id).int % COUNT


def find(conn: libvirt.virConnect) -> GuestUsers:
    """Only where libvirt runs guests without rights already, and where such ids exist (a container may have few)."""
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
