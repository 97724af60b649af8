"""bubblewrap's arguments, and the user namespace that it can't map alone."""

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
"""What else there is lies in memory, which has no limit for files."""
TO_CHANGE_USER = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_DAC_OVERRIDE")
"""What the namespace's first program may do there, to become the sandbox's user."""
KEPT = "-all,+dac_override"
"""In a user namespace this is about files of its own users only. On the host it is nothing."""


@dataclass(frozen=True)
class Owners:
    users: list[int]
    groups: list[int]


def owners(paths: Iterable[Path], user: int) -> Owners:
    """All who own one of the files or a directory above it, root, and the sandbox's user."""
    places = {place for path in paths for place in (path.absolute(), *path.absolute().parents)}
    stats = [place.stat() for place in places]
    return Owners(sorted({0, user, *(stat.st_uid for stat in stats)}), sorted({0, user, *(s.st_gid for s in stats)}))


def system() -> list[str]:
    """The programs and their libraries, /dev with null, zero and random, and a small environment."""
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
    arguments = []
    for name, path in reads.items():
        arguments += ["--ro-bind", str(path), name]
    for name, path in writes.items():
        arguments += ["--bind", str(path), name]
    return arguments


def as_user(user: int) -> list[str]:
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
    """The sandbox, running; `ids` are whom its namespace knows, None leaves that to bubblewrap."""
    if ids is None:
        return _popen([*UNSHARED, *view, "--", *command], passed)
    told, tell = os.pipe()
    wait, go = os.pipe()
    capabilities = [part for each in TO_CHANGE_USER for part in ("--cap-add", each)]
    try:
        sandbox = _popen(
            [*UNSHARED, *capabilities, "--info-fd", str(tell), "--userns-block-fd", str(wait), *view, "--", *command],
            [*passed, tell, wait],
        )
    except OSError:
        os.close(told)
        os.close(go)
        raise
    finally:
        os.close(tell)
        os.close(wait)
    try:
        with os.fdopen(told) as said, os.fdopen(go, "w") as answer:
            _map(said.read(), ids)
            answer.write("1")
    except OSError:
        with sandbox:  # it waits for its users, who won't come
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


def _map(said: str, ids: Owners) -> None:
    """Nothing is said when bubblewrap failed before; then its status and words tell why."""
    if not said:
        return
    process = int(json.loads(said)["child-pid"])
    for name, known in (("uid_map", ids.users), ("gid_map", ids.groups)):
        Path(f"/proc/{process}/{name}").write_text("".join(f"{one} {one} 1\n" for one in known))
