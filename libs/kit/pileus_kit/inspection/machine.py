"""Inspects a machine as such: its processes, their ports, its disk, its files and its certificate."""

import json
import os
import shutil
import socket
import time
from importlib.metadata import version
from itertools import islice
from pathlib import Path

from pileus_kit.inspection.commands import is_running
from pileus_kit.inspection.exposed import exposed
from pileus_kit.inspection.facts import MAX_EXPOSED, ExposedPath, MachineFacts, ProcessFacts
from pileus_kit.json_types import JsonObject

KEY_DIRECTORIES = ("fernet-keys", "credential-keys")
CONNECT_S = 1.0
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def inspect_machine(state: Path) -> MachineFacts:
    """Return what is true of the machine with this state directory. Raises OSError if it can't be read."""
    known = _supervisor(state)
    usage = shutil.disk_usage(state)
    return MachineFacts(
        version=version("pileus-kit"),
        state=str(state),
        clock=time.time(),
        supervisor_pid=known.get("pid", 0),
        is_supervised=is_running(known.get("pid", 0)),
        processes=tuple(_process(name, process) for name, process in known.get("processes", {}).items()),
        disk_bytes=usage.total,
        disk_free_bytes=usage.free,
        empty_key_directories=tuple(_without_keys(state)),
        exposed=tuple(ExposedPath(str(path), how) for path, how in islice(exposed(state), MAX_EXPOSED)),
        certificate_end=_certificate_end(state / "tls" / "machine.pem"),
    )


def _supervisor(state: Path) -> JsonObject:
    """Return what the supervisor wrote; nothing where an agent runs without one."""
    try:
        return dict(json.loads((state / "run" / "supervisor.json").read_text()))
    except FileNotFoundError:
        return {}


def _process(name: str, known: JsonObject) -> ProcessFacts:
    pid = known["pid"] or 0
    return ProcessFacts(
        name=name,
        pid=pid,
        is_running=bool(pid) and is_running(pid),
        failures=known["failures"],
        age_s=_age_s(pid),
        memory_mib=_memory_mib(pid),
        port=known["port"],
        port_error=_port_error(known.get("address", "127.0.0.1"), known["port"]),
    )


def _age_s(pid: int) -> float:
    try:
        return round(time.time() - Path(f"/proc/{pid}").stat().st_mtime, 1) if pid else 0.0
    except OSError:
        return 0.0


def _memory_mib(pid: int) -> float:
    try:
        return round(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MIB, 1) if pid else 0.0
    except OSError:
        return 0.0


def _port_error(address: str, port: int | None) -> str:
    try:
        if port:
            socket.create_connection((address, port), timeout=CONNECT_S).close()
    except OSError as err:
        return str(err)
    return ""


def _without_keys(state: Path) -> list[str]:
    """Return identity's key directories without a key. Only the machine that runs identity has any."""
    if not (state / "etc" / "identity.conf").exists():
        return []
    places = [state / name for name in KEY_DIRECTORIES]
    return [str(place) for place in places if not place.is_dir() or not any(file.is_file() for file in place.iterdir())]


def _certificate_end(file: Path) -> float | None:
    if not file.exists():
        return None
    from cryptography import x509

    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()
