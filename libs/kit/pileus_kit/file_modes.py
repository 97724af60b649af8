"""Modes of files: what a cloud's processes write is for their own user only, unless a program of another user has to
reach it."""

import os
from pathlib import Path

UMASK = 0o077
TRAVERSABLE = 0o711


def use_private_umask() -> None:
    """Have this process create files with mode 0600 and directories with 0700, whatever umask it was started with."""
    os.umask(UMASK)


def make_traversable(directory: Path) -> Path:
    """Create a directory in which programs of other users open files whose names they know, but can't list them.

    Missing parents get the same mode; directories that exist keep theirs.
    """
    missing = [place for place in (directory, *directory.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        place.chmod(TRAVERSABLE)
    return directory


def become_owner_of(directory: Path) -> None:
    """Become the user that the directory belongs to, if this process is root's.

    An operator's command then leaves files that the service can use.
    """
    if os.geteuid() != 0 or not directory.exists() or directory.stat().st_uid == 0:
        return
    owner = directory.stat()
    os.setgroups([])
    os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
    os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
