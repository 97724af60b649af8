"""Processes of qemu-storage-daemon, each known by its monitor's socket. They outlive the agent that starts them."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pileus_volume.drivers.file.qmp import Monitor
from pileus_volume.errors import ToolFailed

PROGRAM = "qemu-storage-daemon"
PATIENCE_S = 10.0  # until a daemon must have done something
PAUSE_S = 0.02
SAID_BYTES = 500


def is_running(socket: Path) -> bool:
    """Whether a daemon answers at the monitor's socket."""
    try:
        with Monitor(socket):
            return True
    except (OSError, ValueError):
        return False


def start(socket: Path, options: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a daemon with its monitor at the socket, and wait until it answers. What it says goes to the log.

    Raises ToolFailed with the end of what it said.
    """
    socket.unlink(missing_ok=True)
    monitor = ["--chardev", f"socket,path={socket},server=on,wait=off,id=monitor", "--monitor", "chardev=monitor"]
    with log.open("ab") as said:
        began_at = said.tell()
        process = subprocess.Popen(
            [PROGRAM, *options, *monitor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )

    def answers() -> bool:
        if process.poll() is not None:
            why = log.read_bytes()[began_at:].decode(errors="replace").strip()
            raise ToolFailed(tool=PROGRAM, why=why[-SAID_BYTES:] or f"it ended with {process.returncode}")
        return is_running(socket)

    try:
        wait_until(answers, "the daemon doesn't answer")
    except ToolFailed:
        process.kill()
        process.wait()
        raise
    return process


def end(socket: Path) -> None:
    """End the daemon and with it every export of its."""
    if is_running(socket):
        with Monitor(socket) as monitor:
            monitor.run("quit")
        wait_until(lambda: not is_running(socket), "the daemon doesn't end")
    socket.unlink(missing_ok=True)


def exports_of(monitor: Monitor) -> set[str]:
    """The ids of what the daemon exports."""
    return {entry["id"] for entry in monitor.run("query-block-exports")}


def unexport(monitor: Monitor, key: str) -> None:
    """End the export and disconnect its clients, whose attachment is gone. The daemon does that in the background."""
    monitor.run("block-export-del", id=key, mode="hard")
    wait_until(lambda: key not in exports_of(monitor), f"{key} doesn't end")


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    """Raises ToolFailed with the sentence `otherwise` after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise ToolFailed(tool=PROGRAM, why=otherwise)
        time.sleep(PAUSE_S)
