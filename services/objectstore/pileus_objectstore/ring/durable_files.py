"""Replaces files of rings and policies so that a crash or a power failure leaves the old file or the new one."""

import os
from pathlib import Path


def replace_durably(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a file, or create it, and flush it and its name to disk. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)  # what a process that died has left may be another user's
    with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
