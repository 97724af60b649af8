"""What HAProxy of this machine knows of the control machines behind it, asked at its socket."""

import csv
import io
import socket
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Served:
    """One service on one control machine, as HAProxy sees it."""

    service: str
    machine: str
    is_up: bool
    why: str
    """The result of the last check."""


def control_socket(state: Path) -> Path:
    """Return where HAProxy takes commands."""
    return state / "run" / "haproxy.sock"


def tell(state: Path, command: str) -> str:
    """Give HAProxy one command and return its answer. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(TIMEOUT_S)
        control.connect(str(control_socket(state)))
        control.sendall(command.encode() + b"\n")
        control.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := control.recv(1 << 16):
            answer += piece
    return answer.decode(errors="replace")


def served(state: Path) -> list[Served]:
    """Return the services of all control machines; none where only this one serves, as HAProxy checks nothing then.

    Raises OSError.
    """
    text = tell(state, "show stat").removeprefix("# ")
    return [
        Served(row["pxname"], row["svname"], row["status"].startswith("UP"), row["check_status"])
        for row in csv.DictReader(io.StringIO(text))
        if row["svname"] not in ("FRONTEND", "BACKEND") and row["check_status"]
    ]
