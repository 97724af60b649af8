"""Inspects the files of volumes on a machine."""

from pathlib import Path

from pileus_kit.inspection.facts import VolumeFacts

FILE = "volume-"


def inspect_volumes(directory: Path) -> VolumeFacts:
    """Return the volumes that have a file here. Raises OSError if the directory can't be read."""
    names = (file.name.removeprefix(FILE) for file in directory.glob(f"{FILE}*"))
    return VolumeFacts(str(directory), tuple(sorted(names)))
