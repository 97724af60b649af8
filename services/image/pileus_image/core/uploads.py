"""Receives image data: it is hashed and inspected on its way into a store, in constant memory."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType

from pileus_image.core import blobs, format_checks, orphaned_blobs, quotas
from pileus_image.core.blob_leases import BlobLease
from pileus_image.core.blobs import DataFacts
from pileus_image.core.tools import Tools
from pileus_image.db.models import Blob, Image
from pileus_image.drivers.base import BlobMissing, Writer
from pileus_image.errors import ImageNotFound, ImageTooLarge, Invalid, UploadLost

CHUNK_BYTES = 1 << 20
Read = Callable[[int], bytes]
"""Returns at most that many bytes, none at the end of the data. Raises if the source breaks off."""


class Digests:
    """md5, sha512 and sha256 of one stream, computed in a thread beside the writing. It holds at most two chunks."""

    def __init__(self) -> None:
        self._hashes = [hashlib.md5(usedforsecurity=False), hashlib.sha512(), hashlib.sha256()]
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="digest")
        self._pending: Future[None] | None = None

    def update(self, data: bytes) -> None:
        """Add the next chunk; waits until the one before is done."""
        self._wait()
        self._pending = self._pool.submit(self._update, data)

    def _update(self, data: bytes) -> None:
        for digest in self._hashes:
            digest.update(data)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None

    def results(self) -> tuple[str, str, str]:
        """Return md5, sha512 and sha256 of all chunks, in hexadecimal."""
        self._wait()
        md5, sha512, sha256 = (digest.hexdigest() for digest in self._hashes)
        return md5, sha512, sha256

    def __enter__(self) -> "Digests":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown()


def upload(
    tools: Tools,
    image_id: str,
    read: Read,
    expected: int | None = None,
    *,
    store: str = "",
    stage: bool = False,
    takeover: bool = False,
) -> None:
    """Give a queued image its data, or stage the data for an import. `expected` is the announced size in bytes.

    The data goes to the `store`, by default to the default one, where staged data always is.

    If this raises, the image is queued again and the store keeps nothing. With `takeover` the newest of several
    uploads wins: a host that begins again ends its own first try.
    """
    if expected and expected > tools.config.largest_image:
        raise ImageTooLarge(why=f"one image may have {tools.config.largest_image} bytes")
    with tools.sessions.begin() as session:
        image = session.get(Image, image_id)
        if image is None:
            raise ImageNotFound(image=image_id)
        quotas.check_size(session, image.owner, expected or 0, tools.limits)
        place = tools.default_store if stage else store or tools.default_store
        blob = blobs.create(session, image, "stage" if stage else "upload", place, takeover)
    with _giving_up_on_error(tools, blob):
        facts = receive(tools, blob, image, read, expected)
        with tools.sessions.begin() as session:
            quotas.check_size(session, image.owner, facts.size, tools.limits)
            if stage:
                blobs.complete(session, blob, facts, "staged")
            else:
                blobs.publish(session, blob, facts)


@contextmanager
def _giving_up_on_error(tools: Tools, blob: Blob) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with tools.sessions.begin() as session:
            blobs.give_up(session, blob.id)
        orphaned_blobs.delete_orphans(tools, quickly=True)
        raise


def receive(tools: Tools, blob: Blob, image: Image, read: Read, expected: int | None = None) -> DataFacts:
    """Write what `read` returns into the blob's store; it is durable when this returns, and gone if this raises.

    Raises FormatRefused, ImageTooLarge, StoreFull, UploadLost, Invalid if the size isn't the `expected` one, and
    whatever `read` raises.
    """
    disk, container = str(image.disk_format), str(image.container_format)
    lease = BlobLease(tools.sessions, blob)
    with lease, tools.stores[blob.store].writer(blob.id) as writer, Digests() as digests:

        def check_beginning() -> None:
            with writer.reader() as file:
                format_checks.check_beginning(file, disk, container)

        size = _copy(tools.config.largest_image, lease, read, writer, digests, check_beginning)
        if expected is not None and size != expected:
            raise Invalid(why=f"{size} bytes came, and {expected} were announced.")
        with writer.reader() as file:
            virtual_size = format_checks.check_whole(file, disk, container, tools.config.largest_disk)
        md5, sha512, sha256 = digests.results()
        lease.renew()
        try:
            writer.commit()
        except BlobMissing:
            raise UploadLost(image=blob.image_id) from None
    return DataFacts(size, virtual_size, md5, sha512, sha256)


def _copy(
    max_bytes: int, lease: BlobLease, read: Read, writer: Writer, digests: Digests, check_beginning: Callable[[], None]
) -> int:
    size, checked = 0, False
    while data := read(CHUNK_BYTES):
        lease.check()
        size += len(data)
        if size > max_bytes:
            raise ImageTooLarge(why=f"one image may have {max_bytes} bytes")
        digests.update(data)
        writer.write(data)
        if not checked and size >= format_checks.BEGINNING_BYTES:
            check_beginning()
            checked = True
    return size
