"""Bytes into a store: hashed and inspected on the way, in constant memory, under a lease that is renewed meanwhile."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType

from pileus_image.core import contents, quotas, uploads
from pileus_image.core.uploads import Facts
from pileus_image.db.models import Blob, Image
from pileus_image.drivers.base import BlobMissing, Writer
from pileus_image.errors import ImageNotFound, ImageTooLarge, Invalid, UploadLost
from pileus_image.flows import sweep
from pileus_image.flows.leases import Lease
from pileus_image.flows.tools import Tools

CHUNK = 1 << 20
Read = Callable[[int], bytes]
"""At most that many bytes; none at the end. Raises if the source breaks off."""


class Digests:
    """md5, sha512 and sha256 of one stream, computed beside the writing; at most two chunks are held."""

    def __init__(self) -> None:
        self._hashes = [hashlib.md5(usedforsecurity=False), hashlib.sha512(), hashlib.sha256()]
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="digest")
        self._pending: Future[None] | None = None

    def update(self, data: bytes) -> None:
        self._settle()
        self._pending = self._pool.submit(self._update, data)

    def _update(self, data: bytes) -> None:
        for digest in self._hashes:
            digest.update(data)

    def _settle(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None

    def results(self) -> tuple[str, str, str]:
        self._settle()
        md5, sha512, sha256 = (digest.hexdigest() for digest in self._hashes)
        return md5, sha512, sha256

    def __enter__(self) -> "Digests":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown()


def take_in(
    tools: Tools, image_id: str, read: Read, expected: int | None = None, *, stage: bool = False, takeover: bool = False
) -> None:
    """Give a queued image its data, or stage it. When this raises, the image is queued again and nothing is kept.

    `takeover`: the newest of several uploads wins, as of a host that begins again after it lost its first try.
    """
    if expected and expected > tools.config.largest_image:
        raise ImageTooLarge(why=f"one image may have {tools.config.largest_image} bytes")
    with tools.sessions.begin() as session:
        image = session.get(Image, image_id)
        if image is None:
            raise ImageNotFound(image=image_id)
        quotas.check_size(session, image.owner, expected or 0, tools.limits)
        blob = uploads.begin(session, image, "stage" if stage else "upload", tools.config.store, takeover)
    with _given_up(tools, blob):
        facts = receive(tools, blob, image, read, expected)
        with tools.sessions.begin() as session:
            quotas.check_size(session, image.owner, facts.size, tools.limits)
            if stage:
                uploads.keep(session, blob, facts, "staged")
            else:
                uploads.publish(session, blob, facts)


@contextmanager
def _given_up(tools: Tools, blob: Blob) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with tools.sessions.begin() as session:
            uploads.give_up(session, blob.id)
        sweep.doomed(tools)
        raise


def receive(tools: Tools, blob: Blob, image: Image, read: Read, expected: int | None = None) -> Facts:
    """Store what `read` gives as `blob`, durable when this returns. Leaves nothing behind when it raises.

    Raises FormatRefused, ImageTooLarge, StoreFull, UploadLost, Invalid when `expected` bytes is not what came, and
    whatever `read` raises.
    """
    disk, container = str(image.disk_format), str(image.container_format)
    lease = Lease(tools.sessions, blob)
    with lease, tools.stores[blob.store].writer(blob.id) as writer, Digests() as digests:

        def look() -> None:
            with writer.reader() as file:
                contents.refuse_early(file, disk, container)

        size = _copy(tools.config.largest_image, lease, read, writer, digests, look)
        if expected is not None and size != expected:
            raise Invalid(why=f"{size} bytes came, and {expected} were announced.")
        with writer.reader() as file:
            virtual_size = contents.accept(file, disk, container, tools.config.largest_disk)
        md5, sha512, sha256 = digests.results()
        lease.renew()
        try:
            writer.commit()
        except BlobMissing:
            raise UploadLost(image=blob.image_id) from None
    return Facts(size, virtual_size, md5, sha512, sha256)


def _copy(largest: int, lease: Lease, read: Read, writer: Writer, digests: Digests, look: Callable[[], None]) -> int:
    size, looked = 0, False
    while data := read(CHUNK):
        lease.check()
        size += len(data)
        if size > largest:
            raise ImageTooLarge(why=f"one image may have {largest} bytes")
        digests.update(data)
        writer.write(data)
        if not looked and size >= contents.HEAD:
            look()
            looked = True
    return size
