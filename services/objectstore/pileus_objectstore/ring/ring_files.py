"""The files of rings and storage policies in a host's directory: read, changed and replaced under one lock.

Every change raises the version of a file. Hosts give each other their files, and take a newer one after checking it.
"""

import fcntl
import os
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pileus_kit import decoding
from pileus_objectstore.config import Config
from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring import removed_machines, shared_secrets
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.durable_files import replace_durably
from pileus_objectstore.ring.removed_machines import REMOVED_FILE
from pileus_objectstore.ring.rings import POLICIES_FILE, RingFile, checksum, read_policies, ring_name, write_policies
from pileus_objectstore.ring.shared_secrets import SECRETS_FILE
from pileus_objectstore.ring.storage_policies import ErasureCode, StoragePolicies, StoragePolicy

T = TypeVar("T")
LOCK = ".lock"
State = tuple[int, int]  # version and checksum of a file; the greater one is newer


class RingFiles:
    """The files in `directory`; with `secrets` also that file, which hosts give to each other by TLS only."""

    def __init__(self, directory: Path, secrets: Path | None = None) -> None:
        self.directory, self._secrets = directory, secrets
        self._states: dict[str, tuple[int, State]] = {}  # what was read of a file of a certain mtime

    def names(self) -> list[str]:
        """The names of all rings that there are."""
        policies = self.policies().indexes
        names = ["account", "container", *(ring_name("object", index) for index in policies)]
        return [name for name in names if self.path(name).exists()]

    def path(self, name: str) -> Path:
        """The file of a ring."""
        return self.directory / f"{name}.ring"

    def policies(self) -> StoragePolicies:
        """The storage policies. Raises OSError and ValueError."""
        return read_policies(self.directory / POLICIES_FILE)

    def load(self, name: str) -> Builder:
        """A ring. Raises OSError and ValueError."""
        return Builder.load(self.path(name))

    def create(self, name: str, builder: Builder) -> None:
        """Write a new ring. Raises RingRefused if there is one of the name."""
        with self._lock():
            if self.path(name).exists():
                raise RingRefused(why=f"{self.path(name)} exists already; data would be lost if it were replaced")
            builder.save(self.path(name))

    def change(self, act: Callable[[Builder], T], only: Collection[str] = ()) -> dict[str, T]:
        """Change all rings, or those in `only`: {ring: what `act` returned}. If one can't be changed, none is.

        Raises RingRefused.
        """
        with self._lock():
            names = self.names()
            unknown = [name for name in only if name not in names]
            if unknown or not names:
                raise RingRefused(why=f"there is no ring {', '.join(unknown) or 'yet'}; there are: {', '.join(names)}")
            builders = {name: self.load(name) for name in names if not only or name in only}
            results = {}
            for name, builder in builders.items():
                version = builder.version
                results[name] = act(builder)
                builder.version = version + 1
            for name, builder in builders.items():
                builder.save(self.path(name))
        return results

    def change_device(
        self, device: str, act: Callable[[Builder, Device], None], only: Collection[str] = ()
    ) -> list[str]:
        """Change a device, given by its id or as host/name, in all rings that have it; their names.

        Raises RingRefused.
        """

        def try_it(builder: Builder) -> bool:
            found = find_device(builder, device)
            if found is not None:
                act(builder, found)
            return found is not None

        with self._lock():
            having = [name for name in only or self.names() if find_device(self.load(name), device) is not None]
        if not having:
            raise RingRefused(why=f"there is no device {device}")
        return list(self.change(try_it, having))

    def add_policy(
        self, name: str, replicas: int, aliases: Collection[str] = (), code: ErasureCode | None = None
    ) -> StoragePolicy:
        """Add a storage policy. Its ring has the devices of policy 0's ring, and is balanced.

        Raises RingRefused.
        """
        with self._lock():
            policies = self.policies()
            policy = StoragePolicy(max(policies.indexes) + 1, name, tuple(aliases), erasure_code=code)
            changed = policies.with_policy(policy)
            first = self.load("object")
            builder = Builder(first.power, code.fragments if code else replicas, devices=list(first.devices))
            builder.rebalance()
            builder.save(self.path(ring_name("object", policy.index)))
            write_policies(self.directory / POLICIES_FILE, changed)
        return policy

    def change_policies(self, act: Callable[[StoragePolicies], StoragePolicies]) -> None:
        """Change the storage policies. Raises RingRefused."""
        with self._lock():
            write_policies(self.directory / POLICIES_FILE, act(self.policies()))

    def states(self) -> dict[str, State]:
        """{file name: (version, checksum)} of all files; those that can't be read are left out."""
        found = {}
        others = (self.directory / name for name in (POLICIES_FILE, REMOVED_FILE))
        hidden = (self._secrets,) if self._secrets else ()
        for path in (*sorted(self.directory.glob("*.ring")), *others, *hidden):
            try:
                stamp, known = path.stat().st_mtime_ns, self._states.get(path.name)
                if known is None or known[0] != stamp:
                    known = self._states[path.name] = stamp, state_of(path.name, path.read_bytes())
            except (OSError, ValueError):
                continue
            found[path.name] = known[1]
        return found

    def data(self, name: str) -> bytes:
        """The bytes of a file, as hosts give it to each other. Raises RingRefused for other names, and OSError."""
        if name == SECRETS_FILE and self._secrets:
            return self._secrets.read_bytes()
        check_name(name)
        return (self.directory / name).read_bytes()

    def take(self, name: str, data: bytes) -> bool:
        """Replace a file by another host's, if that is newer; whether it was.

        Raises RingRefused for a damaged file, or one of another cluster.
        """
        try:
            if name == SECRETS_FILE and self._secrets:
                return shared_secrets.merge(self._secrets, data)
            check_name(name)
            state = state_of(name, data)
        except ValueError as e:
            raise RingRefused(why=f"{name} of another host is damaged: {e}") from e
        if name == REMOVED_FILE:
            return self.refuse(removed_machines.parse(data))
        with self._lock():
            path = self.directory / name
            if path.exists() and state <= self.states().get(name, (-1, 0)):
                return False
            if path.exists() and path.suffix == ".ring" and not same_cluster(path, data):
                raise RingRefused(why=f"{name} of another host belongs to another cluster")
            replace_durably(path, data)
        return True

    def refuse(self, serials: Collection[str]) -> bool:
        """Note that these certificates are of machines that were removed; whether one of them is new."""
        with self._lock():
            path = self.directory / REMOVED_FILE
            known = removed_machines.read(path)
            if known.issuperset(serials):
                return False
            removed_machines.write(path, known.union(serials))
        return True

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT, 0o660)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def exchanged_files(config: Config) -> RingFiles:
    """The files that this host exchanges with the others."""
    return RingFiles(config.ring_directory, config.root_secrets if config.storage_tls else None)


def find_device(builder: Builder, device: str) -> Device | None:
    """The device with an id, or of the form host/name."""
    known = (d for d in builder.devices if d)
    return next((d for d in known if device in (str(d.id), f"{d.host}/{d.name}")), None)


def check_name(name: str) -> None:
    """Raise RingRefused for what is not the name of one of these files."""
    if "/" in name or not (name in (POLICIES_FILE, REMOVED_FILE) or name.endswith(".ring")):
        raise RingRefused(why=f"there is no file {name}")


def state_of(name: str, data: bytes) -> State:
    """Version and checksum of a file. Raises ValueError if it is damaged."""
    if name == POLICIES_FILE:
        return decoding.decode(data, StoragePolicies).version, zlib.crc32(data)
    if name == SECRETS_FILE:
        return shared_secrets.state_of(data)
    if name == REMOVED_FILE:
        return removed_machines.state_of(data)
    file = decoding.decode(data, RingFile)
    if checksum(file) != file.checksum:
        raise ValueError("its checksum doesn't match")
    return file.version, file.checksum


def same_cluster(path: Path, data: bytes) -> bool:
    """Whether a ring places names as the one in a file does. A file that is damaged doesn't tell: it is replaced."""
    try:
        mine = decoding.decode(path.read_bytes(), RingFile)
    except ValueError:
        return True
    other = decoding.decode(data, RingFile)
    return (mine.power, mine.salt) == (other.power, other.salt)
