"""Buckets: containers whose names are unique in the whole store, so that a name alone says whose they are.

Each bucket has an entry in a registry of the store's own: an object whose name is the bucket's and whose metadata says
in which account its container is. Containers that Swift's API made have no entry; their own project finds them too.
"""

import threading
import time
from collections import OrderedDict

from pileus_kit.errors import PreconditionFailed
from pileus_objectstore.core import containers, stored_objects
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import PutObject, timestamp

REGISTRY = Target(".pileus-s3", "buckets")
ACCOUNT = "X-Object-Sysmeta-Bucket-Account"
KEEP_S = 5.0
MAX_BUCKETS = 10_000


class BucketTaken(Exception):
    """The name belongs to another account's bucket."""


class BucketRegistry:
    """Finds the account of a bucket by its name. Found names are remembered for KEEP_S seconds. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, tools: Tools, name: str) -> str:
        """Return the account of the bucket, '' if no bucket has that name."""
        with self._lock:
            account, since = self._known.get(name, ("", 0.0))
        if account and time.monotonic() - since < KEEP_S:
            return account
        meta = stored_objects.find(tools, _entry(name), newest=True)
        account = meta.headers.get(ACCOUNT, "") if meta else ""
        if account:
            with self._lock:
                self._known[name] = account, time.monotonic()
                while len(self._known) > MAX_BUCKETS:
                    self._known.popitem(last=False)
        return account

    def claim(self, tools: Tools, name: str, account: str) -> None:
        """Reserve a name for an account, again if it has it already. Raises BucketTaken.

        A name whose bucket was deleted through Swift's API is free again.
        """
        for _ in range(2):
            try:
                self._write(tools, name, account)
                return
            except PreconditionFailed:
                owner = self.find(tools, name)
            if owner == account:
                return
            if owner and tools.listing_cache.get(Target(owner, name), fresh=True) is not None:
                raise BucketTaken
            self.release(tools, name)
        raise BucketTaken

    def release(self, tools: Tools, name: str) -> None:
        """Free the name of a bucket that was deleted."""
        with self._lock:
            self._known.pop(name, None)
        stored_objects.delete(tools, _entry(name))

    def _write(self, tools: Tools, name: str, account: str) -> None:
        if tools.listing_cache.get(REGISTRY) is None:
            containers.create(tools, None, REGISTRY, {})
        request = PutObject(
            stored_objects.UNPLACED,
            _entry(name).path,
            timestamp(tools.now()),
            {ACCOUNT: account, "Content-Type": "application/x-bucket"},
            0,
            only_if_new=True,
        )
        tools.cluster.put_object(_entry(name), request, lambda _: b"")


def _entry(name: str) -> Target:
    return Target(REGISTRY.account, REGISTRY.container, name)
