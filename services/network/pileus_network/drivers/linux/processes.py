"""Daemons of ours (dnsmasq, radvd) that live in namespaces, outlive the agent and are found again by the next one."""

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pileus_kit.spans import span
from pileus_network.drivers.base import HostUnfit
from pileus_network.drivers.linux import namespaces

STOP_TIMEOUT_MS = 5000  # milliseconds that a daemon has to end after SIGTERM


@dataclass(frozen=True)
class DaemonProcess:
    """A program that puts itself into the background and writes its process id into `pid_file`.

    `interface_ids` says on which interfaces it was started (`ip_configuration.apply`): its sockets don't follow to new
    ones. The environment of the process holds it.
    """

    namespace: str
    pid_file: Path
    argv: tuple[str, ...]
    interface_ids: str

    def running(self) -> int:
        """Return the process id if the daemon runs as described, in the right namespace; else 0."""
        pid = alive(self.pid_file)
        same = pid and _argv(pid) == list(self.argv) and _mark(self.interface_ids) in _list(pid, "environ")
        return pid if same and _is_in(pid, self.namespace) else 0

    def ensure(self) -> bool:
        """Start the daemon unless it runs; one with other arguments is replaced. Return whether it was started.

        Raises HostUnfit with the program's message.
        """
        if self.running():
            return False
        stop(self.pid_file)
        done = namespaces.inside(self.namespace, self._start)
        if done.returncode != 0:
            raise HostUnfit(why=f"{self.argv[0]} did not start: {(done.stderr or done.stdout).strip()[:300]}")
        return True

    def _start(self) -> subprocess.CompletedProcess[str]:
        with span(Path(self.argv[0]).name):
            return subprocess.run(
                self.argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "PILEUS_STANDS_ON": self.interface_ids},
            )

    def reload(self) -> None:
        """Have the daemon read its files again."""
        pid = self.running()
        if pid:
            os.kill(pid, signal.SIGHUP)


def alive(pid_file: Path) -> int:
    """Return the id of the process that a pid file names, 0 if it ended: another process may have got its id."""
    try:
        pid = int(pid_file.read_text().strip())
    except (FileNotFoundError, ValueError):
        return 0
    return pid if any(str(pid_file) in part for part in _argv(pid)) else 0


def stop(pid_file: Path) -> None:
    """End a daemon and wait for it; kill it if it doesn't end in time."""
    pid = alive(pid_file)
    if pid:
        try:
            _end(pid)
        except ProcessLookupError:
            pass
    pid_file.unlink(missing_ok=True)


def _end(pid: int) -> None:
    handle = os.pidfd_open(pid)
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if poll.poll(STOP_TIMEOUT_MS):
                return
    finally:
        os.close(handle)


def _mark(interface_ids: str) -> str:
    return f"PILEUS_STANDS_ON={interface_ids}"


def _argv(pid: int) -> Sequence[str]:
    return _list(pid, "cmdline")


def _list(pid: int, what: str) -> Sequence[str]:
    try:
        return Path(f"/proc/{pid}/{what}").read_text().split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _is_in(pid: int, namespace: str) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino == (namespaces.FOLDER / namespace).stat().st_ino
    except (FileNotFoundError, PermissionError):
        return False
