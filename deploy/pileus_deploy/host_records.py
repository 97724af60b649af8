"""What the controller knows of machines that joined, and of invitations: small files below STATE/registrar.

The registrar writes them as its own user, an operator's command as root; each file is replaced or removed at once.
"""

import fcntl
import hashlib
import json
import os
import pwd
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pileus_deploy.plan import write_private

VALID_S = 3600
"""For how long an invitation is valid."""
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
USER = "pileus-registrar"


@dataclass(frozen=True)
class HostRecord:
    """One machine. `accounts` maps its accounts on the bus to the hashes of their passwords."""

    name: str
    address: str
    roles: tuple[str, ...]
    joined_at: float
    serials: tuple[str, ...] = ()
    """The serial numbers of its certificates, the newest last."""
    accounts: Mapping[str, str] = field(default_factory=dict)
    removed_at: float | None = None

    @property
    def is_member(self) -> bool:
        return self.removed_at is None


class NotInvited(ValueError):
    """The invitation doesn't exist, was used, or is too old."""


class HostRecords:
    """The files in one directory."""

    def __init__(self, folder: Path) -> None:
        self._hosts, self._invitations, self._versions = folder / "hosts", folder / "invitations", folder / "versions"
        self._known = dict[str, str]()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes and threads from changing a machine's file between reading and writing it."""
        directory = os.open(self._hosts.parent, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)

    def find(self, name: str) -> HostRecord | None:
        """Return the machine of that name, also one that was removed."""
        file = self._hosts / f"{name}.json"
        return _record(file) if NAME.fullmatch(name) and file.exists() else None

    def members(self) -> list[HostRecord]:
        """Return the machines that joined and weren't removed, by name."""
        records = [_record(file) for file in sorted(self._hosts.glob("*.json"))]
        return [record for record in records if record.is_member]

    def save(self, record: HostRecord) -> None:
        """Write one machine's file."""
        _write(self._hosts / f"{record.name}.json", json.dumps(asdict(record), indent=1))

    def note_known(self, name: str, version: str) -> None:
        """Note which version of the control state a control machine has applied; a file for each."""
        if self._known.get(name) != version:
            _write(self._versions / name, version)
            self._known[name] = version

    def known_version(self, name: str) -> str:
        """Return the version that the control machine said it has applied; '' if it has said nothing yet."""
        file = self._versions / name
        return file.read_text() if file.exists() else ""

    def add_certificate(self, record: HostRecord, serial: str) -> HostRecord:
        """Note that the machine has another certificate."""
        changed = replace(record, serials=(*record.serials, serial))
        self.save(changed)
        return changed

    def invite(self, roles: tuple[str, ...]) -> str:
        """Return the secret of a new invitation; only its hash is kept."""
        secret = secrets.token_urlsafe(24)
        _write(
            self._invitations / f"{_hash(secret)}.json",
            json.dumps({"roles": roles, "expires_at": time.time() + VALID_S}),
        )
        return secret

    def redeem(self, secret: str) -> tuple[str, ...]:
        """Use an invitation up, and return its roles. Raises NotInvited. Of several at once, one succeeds."""
        file = self._invitations / f"{_hash(secret)}.json"
        try:
            invitation = json.loads(file.read_text())
            file.unlink()
        except FileNotFoundError:
            raise NotInvited("this invitation doesn't exist, or was used already") from None
        if invitation["expires_at"] < time.time():
            raise NotInvited("this invitation was valid for an hour, which has passed")
        return tuple(invitation["roles"])

    def forget_old_invitations(self) -> None:
        """Remove the files of invitations that were not used in time."""
        for file in self._invitations.glob("*.json"):
            if file.stat().st_mtime < time.time() - VALID_S:
                file.unlink(missing_ok=True)


def _record(file: Path) -> HostRecord:
    values = json.loads(file.read_text())
    return HostRecord(**values | {"roles": tuple(values["roles"]), "serials": tuple(values["serials"])})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _write(file: Path, text: str) -> None:
    """Replace a file at once; what root writes belongs to the registrar."""
    temporary = file.with_suffix(f".{os.getpid()}.new")
    write_private(temporary, text)
    if os.geteuid() == 0:
        account = pwd.getpwnam(USER)
        for path in (temporary, file.parent):
            os.chown(path, account.pw_uid, account.pw_gid)
    temporary.replace(file)
