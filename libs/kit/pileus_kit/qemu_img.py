"""qemu-img in a sandbox: it sees only the files that it is given, and no header of theirs can make it open another one.

Every disk is passed with its format and its backing file, so QEMU neither guesses a format nor follows a header.
Messages name the files as the sandbox does, without paths of the host.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pileus_kit import sandbox
from pileus_kit.spans import span

LOCKED = ('Failed to get "', "is already used by", "Is another process using the image")
SOURCE, TARGET, OTHER = "/source", "/target", "/other"
DIFFERENT = 1
"""The status with which qemu-img compare ends if the contents differ; greater ones are errors."""


@dataclass(frozen=True)
class Disk:
    """A disk in a file."""

    path: Path
    format: str
    """The name that QEMU has for it."""
    base: "Disk | None" = None
    """The backing file of an overlay. None: it has none, whatever its header says."""

    def node(self, name: str) -> dict[str, Any]:
        """Return QEMU's description of the disk, as a file of this name."""
        base = self.base.node(name + ".base") if self.base else None
        return {"driver": self.format, "file": {"driver": "file", "filename": name}, "backing": base}

    def bases(self, name: str) -> dict[str, Path]:
        """Return its backing files by their names in the sandbox."""
        if self.base is None:
            return {}
        return {name + ".base": self.base.path} | self.base.bases(name + ".base")


class QemuImgFailed(Exception):
    """A command failed; `what` names it, and the text says why."""

    def __init__(self, what: str, why: str) -> None:
        self.what, self.why = what, why
        super().__init__(why)


class DiskLocked(QemuImgFailed):
    """Another process has the disk open."""


def create(disk: Disk, size: int) -> None:
    """Create an empty disk of `size` bytes, or an overlay if it has a base, which isn't opened. Raises
    QemuImgFailed."""
    base = ["-u", "-b", str(disk.base.path), "-F", disk.base.format] if disk.base else []
    disk.path.touch(mode=0o600)
    _run("create", ["-q", "-f", disk.format, *base, TARGET, str(size)], {}, {TARGET: disk.path}, size)


def convert(source: Disk, target: Disk, size: int, snapshot: str = "", keep: bool = False) -> None:
    """Copy what a guest sees of `source`, `size` bytes, into a new file. Raises QemuImgFailed.

    With `snapshot`, the internal snapshot of that name is copied instead, and the source may be written meanwhile. With
    `keep`, the target is a disk already, of which only the content is replaced.
    """
    which = ["-U", "-l", f"snapshot.name={snapshot}"] if snapshot else []
    into = ["-n", "-O", target.format, _json(source, SOURCE), _json(target, TARGET)]
    if not keep:
        target.path.touch(mode=0o600)
        into = ["-O", target.format, _json(source, SOURCE), TARGET]
    reads = {SOURCE: source.path} | source.bases(SOURCE)
    _run("convert", ["-q", *which, *into], reads, {TARGET: target.path}, size)


def compare(one: Disk, other: Disk, size: int) -> bool:
    """Whether a guest would see the same `size` bytes in both. Raises QemuImgFailed."""
    reads = {SOURCE: one.path, OTHER: other.path} | one.bases(SOURCE) | other.bases(OTHER)
    done = _start("compare", ["-q", _json(one, SOURCE), _json(other, OTHER)], reads, {}, size)
    if done.returncode > DIFFERENT:
        raise _failure("compare", done)
    return done.returncode != DIFFERENT


def resize(disk: Disk, size: int, shrink: bool = False) -> None:
    """Change the size that a guest sees to `size` bytes; making it smaller needs `shrink`. Raises QemuImgFailed."""
    options = ["-q", *(["--shrink"] if shrink else []), _json(disk, TARGET), str(size)]
    _run("resize", options, disk.bases(TARGET), {TARGET: disk.path}, max(size, disk.path.stat().st_size))


def snapshot(disk: Disk, action: str, name: str) -> None:
    """Create (-c), delete (-d) or apply (-a) the internal snapshot of that name. Backing files aren't opened.

    Raises QemuImgFailed.
    """
    alone, size = Disk(disk.path, disk.format), disk.path.stat().st_size
    _run("snapshot", ["-q", action, name, _json(alone, TARGET)], {}, {TARGET: disk.path}, size)


def info(disk: Disk) -> dict[str, Any]:
    """Return QEMU's description of the disk, which a guest may have open. Backing files aren't opened.

    Raises QemuImgFailed.
    """
    ask = ["-U", "--output=json", _json(Disk(disk.path, disk.format), SOURCE)]
    described: dict[str, Any] = json.loads(_run("info", ask, {SOURCE: disk.path}, {}, 0))
    return described


def _json(disk: Disk, name: str) -> str:
    return "json:" + json.dumps(disk.node(name))


def _run(action: str, options: list[str], reads: dict[str, Path], writes: dict[str, Path], size: int) -> str:
    done = _start(action, options, reads, writes, size)
    if done.returncode:
        raise _failure(action, done)
    return done.stdout


def _start(
    action: str, options: list[str], reads: dict[str, Path], writes: dict[str, Path], size: int
) -> subprocess.CompletedProcess[str]:
    what = f"qemu-img {action}"
    with span(what):
        try:
            return sandbox.run(["qemu-img", action, *options], reads, writes, sandbox.Limits.for_disk(size))
        except sandbox.TimedOut as err:
            raise QemuImgFailed(what, str(err)) from err
        except OSError as err:
            raise QemuImgFailed(what, f"the sandbox can't be set up: {err}") from err


def _failure(action: str, done: subprocess.CompletedProcess[str]) -> QemuImgFailed:
    why = done.stderr.strip()[-500:] or f"it ended with {done.returncode}"
    return (DiskLocked if any(sign in why for sign in LOCKED) else QemuImgFailed)(f"qemu-img {action}", why)
