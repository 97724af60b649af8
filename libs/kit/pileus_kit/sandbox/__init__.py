"""Runs a program on bytes that a tenant wrote, so that a program that is tricked or broken can reveal nothing.

The program runs in namespaces of its own with the programs of /usr, its sources (read-only), its targets and nothing
else: no network, no other file, no other process. It is a user of its own without capabilities on the host, can't gain
privileges, may not make the system calls that break-outs begin with, and has limits of memory, time, output and files.

bubblewrap makes the namespaces. Sources and targets keep their owners (root, a guest's user): in its user namespace,
which contains only the owners of these files, the program may open them whatever their mode is. An agent that isn't
root can't map other users: its programs keep its own user and its rights to files; the rest is the same.
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
"""The user of programs if USER doesn't exist: a number that Debian assigns to no user."""
MEMORY_BYTES, STACK_BYTES = 2 << 30, 1 << 20
"""Limits of address space: an image that needs more is an attack. QEMU has 64 threads with a stack each."""
PROCESSES, OPEN_FILES = 256, 64
CPU_BASE_S, CPU_S_PER_GIB = 30, 60
WALL_BASE_S, WALL_PER_CPU = 120, 4
OVERHEAD_BYTES = 64 << 20
"""Room that a format may need beside the disk's content: tables, a log, a last block that isn't full."""


@dataclass(frozen=True)
class Limits:
    """What a program may use."""

    cpu_s: int = CPU_BASE_S
    wall_s: int = WALL_BASE_S + WALL_PER_CPU * CPU_BASE_S
    file_bytes: int = OVERHEAD_BYTES
    """The largest size of a file that the program writes."""

    @classmethod
    def for_disk(cls, size: int) -> "Limits":
        """Return the limits for work on a disk of which a guest sees `size` bytes."""
        cpu = CPU_BASE_S + CPU_S_PER_GIB * (1 + (size >> 30))
        return cls(cpu, WALL_BASE_S + WALL_PER_CPU * cpu, size + (size >> 3) + OVERHEAD_BYTES)


class TimedOut(Exception):
    """The program was killed because it took too long."""


@cache
def user() -> int:
    """Return the id of the user that programs run as."""
    try:
        return pwd.getpwnam(USER).pw_uid
    except KeyError:
        return NO_SUCH_USER


def run(
    command: Sequence[str], reads: Mapping[str, Path], writes: Mapping[str, Path], limits: Limits
) -> subprocess.CompletedProcess[str]:
    """Run a command and return its status and output.

    `reads` and `writes` map the names of files in the sandbox to ours, which must exist. Raises TimedOut, or OSError if
    bubblewrap is missing.
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
            started.kill()  # all of its processes end with it
            raise TimedOut(f"{command[0]} took longer than {limits.wall_s} s") from None
    return subprocess.CompletedProcess(list(command), started.returncode, out, err)


def _limited(limits: Limits) -> list[str]:
    return [
        "prlimit",
        f"--as={MEMORY_BYTES}",
        f"--stack={STACK_BYTES}",
        f"--cpu={limits.cpu_s}",
        f"--fsize={limits.file_bytes}",
        f"--nofile={OPEN_FILES}",
        f"--nproc={PROCESSES}",
        "--core=0",
    ]
