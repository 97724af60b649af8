"""Releases of Pileus on this machine: each is a checkout with its own virtual environment."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from pileus_deploy.privileges import CODE

CHECKOUT = CODE[2]


@dataclass(frozen=True)
class Release:
    """A release: its version, and the checkout that it runs from."""

    version: str
    checkout: str

    @property
    def python(self) -> Path:
        """The interpreter that runs this release's code."""
        return Path(self.checkout, ".venv", "bin", "python")

    @property
    def number(self) -> tuple[int, int]:
        """Major and minor number."""
        found = re.match(r"(\d+)\.(\d+)", self.version)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def is_neighbour(self, other: "Release") -> bool:
        """Whether both may run in one cloud: the same minor number, or the next one."""
        (major, minor), (other_major, other_minor) = self.number, other.number
        return major == other_major and abs(minor - other_minor) <= 1

    def __str__(self) -> str:
        return f"{self.version} in {self.checkout}"


def own() -> Release:
    """Return the release that this code is."""
    file = CHECKOUT / "VERSION"
    if file.exists():
        return Release(file.read_text().strip(), str(CHECKOUT))
    from importlib.metadata import version

    return Release(version("pileus-deploy"), sys.prefix)
