"""The calls by which hosts give each other rings and storage policies."""

from collections.abc import Callable

from pileus_objectstore.agent.object_server import Source
from pileus_objectstore.core import ring_hosts
from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring.removed_machines import REMOVED_FILE
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.wire.daemon_calls import DoneReply, EnterRings, GetRing, GetRings, PutRing, RingsReply
from pileus_objectstore.wire.server import CallResult


class RingServer:
    """The ring calls of the contract."""

    def __init__(self, files: RingFiles, on_removal: Callable[[], None]) -> None:
        """`on_removal` is called when the list of removed machines may have changed."""
        self._files, self._on_removal = files, on_removal

    def get_rings(self, args: GetRings, body: Source) -> CallResult:
        """The files that this host has, with their versions."""
        return CallResult(RingsReply(200, self._files.states()))

    def get_ring(self, args: GetRing, body: Source) -> CallResult:
        """One of the files."""
        try:
            return CallResult(DoneReply(), self._files.data(args.name))
        except (RingRefused, OSError) as e:
            return CallResult(DoneReply(404, str(e)))

    def put_ring(self, args: PutRing, body: Source) -> CallResult:
        """Take a newer file."""
        data = b"".join(iter(body.read, b""))
        try:
            taken = self._files.take(args.name, data)
        except RingRefused as e:
            return CallResult(DoneReply(409, str(e)))
        if args.name == REMOVED_FILE:
            self._on_removal()
        return CallResult(DoneReply(200 if taken else 404))

    def enter_rings(self, args: EnterRings, body: Source) -> CallResult:
        """Let the devices of another machine take replicas."""
        try:
            return CallResult(DoneReply(200, "; ".join(ring_hosts.enter(self._files, args.host, args.devices))))
        except RingRefused as e:
            return CallResult(DoneReply(409, str(e)))
