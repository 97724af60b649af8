"""What other users of the machine could read or change below a directory, walking as far as they would get."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

READ, WRITE, PASS = 0o004, 0o002, 0o001


def exposed(directory: Path) -> Iterator[tuple[Path, str]]:
    """Each file or directory that others may use, with how. What is behind a closed door is nobody's."""
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
            mode = entry.stat().st_mode
            if mode & (WRITE if stat.S_ISSOCK(mode) else READ | WRITE):  # connecting to a socket takes writing
                yield Path(entry.path), _how(mode)


def _how(mode: int) -> str:
    return f"mode {stat.S_IMODE(mode):o}"
