"""The config drive: an ISO 9660 disk with the label `config-2` that gives a guest its metadata, in OpenStack's
format."""

import subprocess
import tempfile
from pathlib import Path, PurePosixPath

from pileus_compute.errors import HypervisorFailed
from pileus_kit.spans import span

LABEL = "config-2"
MAX_BYTES = 64 << 20


def write(files: dict[str, bytes], into: Path) -> None:
    """Make the disk. `files`: relative path -> content. Raises HypervisorFailed, also for a path that leads
    elsewhere."""
    if sum(map(len, files.values())) > MAX_BYTES:
        raise HypervisorFailed(what="make a config drive", why=f"it would have more than {MAX_BYTES} bytes")
    fresh = into.with_suffix(".part")
    with tempfile.TemporaryDirectory(dir=into.parent, prefix="config-drive-") as folder:
        for name, content in files.items():
            path = Path(folder, *_parts(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        with span("genisoimage"):
            done = subprocess.run(
                [
                    "genisoimage",
                    "-quiet",
                    "-J",
                    "-l",
                    "-r",
                    "-allow-lowercase",
                    "-allow-multidot",
                    "-V",
                    LABEL,
                    "-o",
                    str(fresh),
                    folder,
                ],
                capture_output=True,
                text=True,
                check=False,
            )
    if done.returncode:
        raise HypervisorFailed(what="make a config drive", why=done.stderr.strip()[-500:])
    fresh.chmod(0o600)
    fresh.replace(into)


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts or "\0" in name:
        raise HypervisorFailed(what="make a config drive", why=f"{name!r} is not a path on the drive")
    return parts
