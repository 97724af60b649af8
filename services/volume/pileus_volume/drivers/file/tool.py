"""qemu-img, run so that it never guesses a format: every image is named with its driver."""

import json
import subprocess
from pathlib import Path

from pileus_kit.spans import span
from pileus_volume.errors import DiskBusy, ToolFailed

PRIVATE = 0o077  # umask: a disk is for its owner's process only
LOCKED = ('Failed to get "', "is already used by", "Is another process using the image")


def qemu_img(*args: str | Path) -> str:
    """Its output. Raises DiskBusy when somebody else has the image open, ToolFailed otherwise."""
    with span(f"qemu-img {args[0]}"):
        done = subprocess.run(["qemu-img", *map(str, args)], capture_output=True, text=True, check=False, umask=PRIVATE)
    if done.returncode == 0:
        return done.stdout
    why = done.stderr.strip()[-500:]
    if any(sign in why for sign in LOCKED):
        raise DiskBusy(volume=Path(str(args[-1])).name, why=why)
    raise ToolFailed(tool=f"qemu-img {args[0]}", why=why)


def options(path: Path, **more: str) -> str:
    """The `--image-opts` notation of a qcow2 file; a comma in a path is doubled (QEMU's keyval syntax)."""
    fields = {"driver": "qcow2", "file.driver": "file", "file.filename": str(path).replace(",", ",,")} | more
    return ",".join(f"{key}={value}" for key, value in fields.items())


def virtual_size(path: Path) -> int:
    """Bytes that a guest sees; also of a disk that a guest has open."""
    described = json.loads(qemu_img("info", "-U", "--output=json", "-f", "qcow2", path))
    return int(described["virtual-size"])


def snapshots(path: Path) -> set[str]:
    """Names of the snapshots in the file."""
    described = json.loads(qemu_img("info", "-U", "--output=json", "-f", "qcow2", path))
    return {entry["name"] for entry in described.get("snapshots", ())}
