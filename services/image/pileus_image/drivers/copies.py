"""Image data on several control machines: each keeps a copy of every blob, so that any of them may be lost.

A blob is asked of the others when it isn't here. An upload ends when the machines that answer have copies of it; the
others get theirs when they are back (`daemons/blob_copier.py`).
"""

import http.client
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from pileus_image.drivers.base import BlobMissing, Store, Writer

log = logging.getLogger(__name__)

CONNECT_S, PAUSE_S = 5.0, 60.0
"""How long a machine may take to answer at all, and between two pieces of data."""
COPY_S = 840.0
"""How long it may take to copy a blob when it is asked to."""
PIECE_BYTES = 1 << 20


class PeerAway(Exception):
    """Another control machine doesn't answer, or not as it should; the message says how."""


class Peers:
    """The image APIs of the other control machines, each behind a socket in one directory that HAProxy listens on.

    `prove` returns the ticket with which one may copy a blob.
    """

    def __init__(self, folder: Path, prove: Callable[[str], str]) -> None:
        self._folder, self._prove = folder, prove

    def sockets(self) -> list[Path]:
        """Return the sockets of all machines, also of those that are away."""
        return sorted(path for path in self._folder.glob("*.sock") if path.is_socket())

    def fetch(self, peer: Path, blob: str, writer: Writer) -> None:
        """Write a blob of another machine. Raises BlobMissing if it has none, and PeerAway."""
        with closing(_Connection(peer, PAUSE_S)) as connection:
            answer = self._ask(connection, "GET", f"/v2/blobs/{blob}", blob)
            if answer.status == http.HTTPStatus.NOT_FOUND:
                raise BlobMissing(blob)
            if answer.status != http.HTTPStatus.OK:
                raise PeerAway(f"{peer.stem} answers {answer.status}")
            left = int(answer.headers["Content-Length"])
            while left:
                try:
                    piece = answer.read(min(left, PIECE_BYTES))
                except (OSError, http.client.HTTPException) as err:
                    raise PeerAway(f"{peer.stem}: {err}") from err
                if not piece:
                    raise PeerAway(f"{peer.stem} broke off")
                writer.write(piece)
                left -= len(piece)

    def request_copy(self, peer: Path, blob: str) -> None:
        """Have another machine copy a blob, and wait until it has. Raises PeerAway."""
        with closing(_Connection(peer, COPY_S)) as connection:
            answer = self._ask(connection, "POST", f"/v2/blobs/{blob}/copies", blob)
            if answer.status != http.HTTPStatus.NO_CONTENT:
                raise PeerAway(f"{peer.stem} answers {answer.status}")

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, blob: str
    ) -> http.client.HTTPResponse:
        try:
            connection.request(method, path, headers={"X-Image-Ticket": self._prove(blob), "Content-Length": "0"})
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as err:
            raise PeerAway(str(err) or type(err).__name__) from err


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, place: Path, pause_s: float) -> None:
        super().__init__("localhost")
        self._place, self._pause_s = place, pause_s

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(CONNECT_S)
        self.sock.connect(str(self._place))
        self.sock.settimeout(self._pause_s)


class CopiedStore(Store):
    """A store on this machine, whose blobs the other control machines have as well."""

    def __init__(self, here: Store, peers: Peers) -> None:
        self.name, self._here, self._peers = here.name, here, peers
        self.kind = here.kind

    def properties(self) -> dict[str, str]:
        return self._here.properties()

    @property
    def here(self) -> Store:
        return self._here

    def path(self, blob: str) -> Path | None:
        self.bring(blob)
        return self._here.path(blob)

    def writer(self, blob: str) -> Writer:
        return CopiedWriter(self._here.writer(blob), blob, self._peers)

    def open(self, blob: str) -> BinaryIO:
        try:
            return self._here.open(blob)
        except BlobMissing:
            self.bring(blob)
            return self._here.open(blob)

    def delete(self, blob: str) -> None:
        """Delete the copy of this machine; the others find out that nothing refers to theirs."""
        self._here.delete(blob)

    def bring(self, blob: str) -> None:
        """Copy a blob to this machine unless it is here. Raises BlobMissing if no machine that answers has it."""
        try:
            self._here.open(blob).close()
            return
        except BlobMissing:
            pass
        for peer in self._peers.sockets():
            try:
                with self._here.writer(blob) as writer:
                    self._peers.fetch(peer, blob, writer)
                    writer.commit()
                return
            except BlobMissing:
                continue
            except PeerAway as err:
                log.warning("blob %s can't be copied: %s", blob, err)
        raise BlobMissing(blob)


class CopiedWriter(Writer):
    """A blob that is being written here, and copied to the other machines when it is whole."""

    def __init__(self, here: Writer, blob: str, peers: Peers) -> None:
        self._here, self._blob, self._peers = here, blob, peers

    def write(self, data: bytes) -> None:
        self._here.write(data)

    def reader(self) -> BinaryIO:
        return self._here.reader()

    def commit(self) -> None:
        """Make the blob durable here, and on each other machine that answers: this takes as long as copying it."""
        self._here.commit()
        peers = self._peers.sockets()
        if peers:
            with ThreadPoolExecutor(len(peers), thread_name_prefix="copies") as pool:
                list(pool.map(self._copy_to, peers))

    def _copy_to(self, peer: Path) -> None:
        try:
            self._peers.request_copy(peer, self._blob)
        except PeerAway as err:
            log.warning("blob %s will be copied later: %s", self._blob, err)

    def discard(self) -> None:
        self._here.discard()
