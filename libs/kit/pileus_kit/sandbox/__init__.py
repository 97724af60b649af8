"""Runs a program on bytes that a tenant wrote, so that a program that is tricked or broken has nothing to give away.

It runs in namespaces of its own that hold the programs of /usr, its sources (read-only), its targets and nothing else:
no network, no other file, no other process. It is a user of its own without capabilities on the host, can't gain
rights, may not make the system calls that break-outs begin with, and has limits of memory, time, output and files.

bubblewrap makes the namespaces. Sources and targets belong to whom they belong to (root, a guest's user): in its user
namespace, which knows only the owners of these files, the program may open them whatever their mode says. An agent
that isn't root has no users to give: its programs keep its user and its rights to files, the rest is the same.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pileus_kit.sandbox import namespaces, seccomp

__all__ = ["Limits", "TimedOut", "run"]

USER = "pileus-convert"
NO_SUCH_USER = 64300
"""Whom programs run as where nobody made that user: a number that Debian gives to no one."""
MEMORY, STACK = 2 << 30, 1 << 20
"""Bytes of address space: an image that needs more is an attack. QEMU has 64 threads, and each needs a stack."""
PROCESSES, OPEN_FILES = 256, 64
CPU_BASE_S, CPU_S_PER_GIB = 30, 60
WALL_BASE_S, WALL_PER_CPU = 120, 4
OVERHEAD_BYTES = 64 << 20
"""What a format may need beside the disk's content: tables, a log, a last block that isn't full."""


@dataclass(frozen=True)
class Limits:
    cpu_s: int = CPU_BASE_S
    wall_s: int = WALL_BASE_S + WALL_PER_CPU * CPU_BASE_S
    file_bytes: int = OVERHEAD_BYTES
    """The largest size of a file that it writes."""

    @classmethod
    def for_disk(cls, size: int) -> "Limits":
        """For work on a disk of which a guest sees `size` bytes."""
        cpu = CPU_BASE_S + CPU_S_PER_GIB * (1 + (size >> 30))
        return cls(cpu, WALL_BASE_S + WALL_PER_CPU * cpu, size + (size >> 3) + OVERHEAD_BYTES)


class TimedOut(Exception):
    """It was ended because it took too long."""


@cache
def user() -> int:
    try:
        return pwd.getpwnam(USER).pw_uid
    except KeyError:
        return NO_SUCH_USER


def run(
    command: Sequence[str], reads: Mapping[str, Path], writes: Mapping[str, Path], limits: Limits
) -> subprocess.CompletedProcess[str]:
    """Its status and what it said. `reads` and `writes` map the program's names of files to ours; all must exist.

    Raises TimedOut; OSError if bubblewrap is missing.
    """
    as_root = os.geteuid() == 0
    view = [*namespaces.system(), *namespaces.files(reads, writes), *namespaces.SEALED]
    inner = [*_limited(limits), *(namespaces.as_user(user()) if as_root else []), *command]
    ids = namespaces.owners([*reads.values(), *writes.values()], user()) if as_root else None
    with seccomp.descriptor() as filter:
        started = namespaces.start(
            [*view, *(["--seccomp", str(filter)] if filter is not None else [])],
            inner,
            ids,
            [] if filter is None else [filter],
        )
    with started:
        try:
            out, err = started.communicate(timeout=limits.wall_s)
        except subprocess.TimeoutExpired:
            started.kill()  # its namespace of processes ends with it
            raise TimedOut(f"{command[0]} took longer than {limits.wall_s} s") from None
    return subprocess.CompletedProcess(list(command), started.returncode, out, err)


def _limited(limits: Limits) -> list[str]:
    return [
        "prlimit",
        f"--as={MEMORY}",
        f"--stack={STACK}",
        f"--cpu={limits.cpu_s}",
        f"--fsize={limits.file_bytes}",
        f"--nofile={OPEN_FILES}",
        f"--nproc={PROCESSES}",
        "--core=0",
    ]
