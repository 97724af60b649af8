"""Finds what other users of the machine could read or change below a directory, walking only where they could."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

READ, WRITE, PASS = 0o004, 0o002, 0o001


def exposed(directory: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file or directory that others may use, and how. What is below a closed directory can't be reached."""
    mode = directory.stat().st_mode
    if mode & (READ | WRITE):
        yield directory, _how(mode)
    if not mode & PASS:
        return
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.is_symlink():
                continue
            if entry.is_dir():
                yield from exposed(Path(entry.path))
                continue
            try:
                mode = entry.stat().st_mode
            except FileNotFoundError:  # a temporary file that was there a moment ago
                continue
            if mode & (
                WRITE if stat.S_ISSOCK(mode) else READ | WRITE
            ):  # connecting to a socket needs the right to write
                yield Path(entry.path), _how(mode)


def _how(mode: int) -> str:
    return f"mode {stat.S_IMODE(mode):o}"
