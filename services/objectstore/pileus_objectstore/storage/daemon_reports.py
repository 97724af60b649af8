"""What the daemons of a host did last, in a file, because another process answers those who ask."""

from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_objectstore.wire.recon_calls import DaemonReport

FILE = "daemons.json"


def read_reports(home: Path) -> dict[str, DaemonReport]:
    """The last pass of each daemon, by its name; {} if there was none yet."""
    try:
        return decoding.decode((home / FILE).read_bytes(), dict[str, DaemonReport])
    except (OSError, msgspec.MsgspecError):
        return {}


def write_reports(home: Path, reports: dict[str, DaemonReport]) -> None:
    """Replace the file atomically. Raises OSError."""
    new = home / f"{FILE}.new"
    new.write_bytes(msgspec.json.encode(reports))
    new.replace(home / FILE)
