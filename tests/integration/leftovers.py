"""What a cloud has on its host and in its databases, so that a test can say what it left behind."""

import json
import sqlite3
import subprocess
import time
from pathlib import Path

from pileus_deploy.host_network import CONTROL_GROUPS
from pileus_deploy.plan_files import load as load_plan

# tables whose rows a user's things occupy; a row that outlives its user's thing is an orphan
TABLES = {
    "compute": ("servers", "allocations", "claims"),
    "network": ("ports", "floating_ips", "routers", "networks"),
    "volume": ("volumes", "snapshots", "backups", "attachments"),
    "image": ("images",),
}


class Traces:
    """A picture of the host and the databases; `new()` tells what has come since."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.prefix = load_plan(state).prefix
        self.before = self.look()

    def new(self) -> list[str]:
        return sorted(self.look() - self.before)

    def assert_nothing_new(self, seconds: float) -> None:
        """Wait for housekeeping that goes on after the answer; then say what is left."""
        deadline = time.monotonic() + seconds
        while self.new() and time.monotonic() < deadline:
            time.sleep(0.5)
        assert self.new() == []

    def look(self) -> set[str]:
        return {
            *self._links(),
            *self._namespaces(),
            *self._domains(),
            *self._groups(),
            *self._files(),
            *self._rows(),
            *self._jobs(),
        }

    def _links(self) -> set[str]:
        """A tap has no prefix in its name; one that another cloud says is its own is no trace of ours."""
        return {
            f"interface {link['ifname']}"
            for link in json.loads(output("ip", "-json", "link"))
            if link["ifname"].startswith((self.prefix, "tap"))
            and link.get("ifalias", "").partition(":")[0] in ("", self.prefix)
        }

    def _namespaces(self) -> set[str]:
        return {
            f"namespace {line.split()[0]}"
            for line in output("ip", "netns").splitlines()
            if line.startswith(self.prefix)
        }

    def _domains(self) -> set[str]:
        socket = self.state / "libvirt" / "sock" / "libvirt-sock"
        names = output("virsh", "-c", f"qemu+unix:///system?socket={socket}", "list", "--all", "--name")
        return {f"domain {name}" for name in names.split()}

    def _groups(self) -> set[str]:
        return {
            f"control group {place.name}"
            for parent in CONTROL_GROUPS.glob(f"**/pileus-{self.prefix}")
            for place in parent.iterdir()
            if place.is_dir()
        }

    def _files(self) -> set[str]:
        return {
            f"file {path.relative_to(self.state)}"
            for place in ("instances", "volumes")
            for path in (self.state / place).rglob("*")
        }

    def _rows(self) -> set[str]:
        found = set()
        for service, tables in TABLES.items():
            with sqlite3.connect(f"file:{self.state}/databases/{service}.sqlite?mode=ro", uri=True) as database:
                have = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                for table in sorted(have & set(tables)):
                    rows = database.execute(f"SELECT rowid FROM {table}")
                    found |= {f"row {service}.{table} {row[0]}" for row in rows}
        return found

    def _jobs(self) -> set[str]:
        found = set()
        for file in (self.state / "databases").glob("*.sqlite"):
            if not file.exists():
                continue  # the link of a service that has no database
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
                if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
                    continue
                found |= {
                    f"job {file.stem} {row[0]} {row[1]}"
                    for row in database.execute("SELECT flow, state FROM jobs WHERE state NOT IN ('done', 'undone')")
                }
        return found


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
