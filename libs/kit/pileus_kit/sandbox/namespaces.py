"""bubblewrap's arguments, and the map of the user namespace, which bubblewrap can't write alone."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

UNSHARED = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
)
PROGRAMS = ("/usr/bin", "/usr/lib", "/usr/lib64")
ALIASES = ("/bin", "/lib", "/lib64")
ENVIRONMENT = {"PATH": "/usr/bin", "LC_ALL": "C", "MALLOC_ARENA_MAX": "2"}
SEALED = ("--remount-ro", "/", "--remount-ro", "/dev")
"""The other directories are in memory, where a program could write without limit."""
TO_CHANGE_USER = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_DAC_OVERRIDE")
"""Capabilities of the first program in the namespace, with which it becomes the sandbox's user."""
KEPT = "-all,+dac_override"
"""The capabilities that the program keeps. In a user namespace they apply to files of its own users only, and on the
host to nothing."""


@dataclass(frozen=True)
class Owners:
    """The users and groups that a user namespace contains."""

    users: list[int]
    groups: list[int]


def owners(paths: Iterable[Path], user: int) -> Owners:
    """Return the owners of these files and of the directories above them, root, and the sandbox's user."""
    places = {place for path in paths for place in (path.absolute(), *path.absolute().parents)}
    stats = [place.stat() for place in places]
    return Owners(sorted({0, user, *(stat.st_uid for stat in stats)}), sorted({0, user, *(s.st_gid for s in stats)}))


def system() -> list[str]:
    """Return arguments for the programs and their libraries, /dev with null, zero and random, and a small
    environment."""
    arguments = ["--dev", "/dev", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        arguments += ["--setenv", name, value]
    for name in PROGRAMS:
        arguments += ["--ro-bind-try", name, name]
    for name in ALIASES:
        path = Path(name)
        arguments += ["--symlink", f"usr{name}", name] if path.is_symlink() else ["--ro-bind-try", name, name]
    return arguments


def files(reads: Mapping[str, Path], writes: Mapping[str, Path]) -> list[str]:
    """Return arguments for the sources and targets, by their names in the sandbox."""
    arguments = []
    for name, path in reads.items():
        arguments += ["--ro-bind", str(path), name]
    for name, path in writes.items():
        arguments += ["--bind", str(path), name]
    return arguments


def as_user(user: int) -> list[str]:
    """Return the command that runs the rest of the line as this user."""
    return [
        "setpriv",
        "--reuid",
        str(user),
        "--regid",
        str(user),
        "--clear-groups",
        "--no-new-privs",
        "--inh-caps",
        KEPT,
        "--ambient-caps",
        KEPT,
        "--bounding-set",
        KEPT,
    ]


def start(
    view: Sequence[str], command: Sequence[str], ids: Owners | None, passed: Sequence[int]
) -> subprocess.Popen[str]:
    """Start the sandbox and return it. `ids` are the users and groups in its namespace; None leaves them to bubblewrap.

    `passed` are file descriptors that it inherits.
    """
    if ids is None:
        return _popen([*UNSHARED, *view, "--", *command], passed)
    info, info_end = os.pipe()
    block_end, unblock = os.pipe()
    capabilities = [part for each in TO_CHANGE_USER for part in ("--cap-add", each)]
    try:
        sandbox = _popen(
            [
                *UNSHARED,
                *capabilities,
                "--info-fd",
                str(info_end),
                "--userns-block-fd",
                str(block_end),
                *view,
                "--",
                *command,
            ],
            [*passed, info_end, block_end],
        )
    except OSError:
        os.close(info)
        os.close(unblock)
        raise
    finally:
        os.close(info_end)
        os.close(block_end)
    try:
        with os.fdopen(info) as source, os.fdopen(unblock, "w") as sink:
            _map_ids(source.read(), ids)
            sink.write("1")
    except OSError:
        with sandbox:  # it waits for a map that it won't get
            sandbox.kill()
        raise
    return sandbox


def _popen(arguments: Sequence[str], passed: Sequence[int]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bwrap", *arguments],
        pass_fds=passed,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def _map_ids(info: str, ids: Owners) -> None:
    """Write the map of the user namespace. `info` is empty if bubblewrap has failed, whose status and output say
    why."""
    if not info:
        return
    process = int(json.loads(info)["child-pid"])
    for name, known in (("uid_map", ids.users), ("gid_map", ids.groups)):
        Path(f"/proc/{process}/{name}").write_text("".join(f"{one} {one} 1\n" for one in known))
