"""What the processes of a cloud write is for their own user only, unless a program of another user has to reach it."""

import os
from pathlib import Path

UMASK = 0o077
PASSABLE = 0o711


def use_private_umask() -> None:
    """From now on this process makes files 0600 and directories 0700, whatever umask it was started under."""
    os.umask(UMASK)


def make_traversable(directory: Path) -> Path:
    """Make a directory through which programs of other users reach what they know by name, but can't look around.

    Missing parents are made passable as well; what exists stays as its owner has it.
    """
    missing = [place for place in (directory, *directory.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        place.chmod(PASSABLE)
    return directory


def become_owner_of(directory: Path) -> None:
    """Root does an operator's work on what belongs to a service: what it writes must be that service's, too."""
    if os.geteuid() != 0 or not directory.exists() or directory.stat().st_uid == 0:
        return
    owner = directory.stat()
    os.setgroups([])
    os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
    os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
