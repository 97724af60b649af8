"""The storage hosts as use cases see them: what is written is encrypted where that is wanted, what is read is clear.

It stands between `core`'s use cases and the cluster's calls, so links, manifests, versions and copies need not know of
it. Replication, audits and the comparison of objects with listings see the store as it is, through `Cluster`.
"""

import base64
import hashlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from pileus_objectstore.core.cluster import HEAD_ONLY, Cluster, ListingQuery, Make, Opened
from pileus_objectstore.core.encryption import bodies, sealing
from pileus_objectstore.core.encryption.root_secrets import RootSecret, RootSecrets
from pileus_objectstore.core.encryption.sealing import ENCRYPTED
from pileus_objectstore.core.listing import Entry
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import Read, ReadFooters
from pileus_objectstore.errors import Unprocessable
from pileus_objectstore.ring.rings import Placement, Rings
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.contract import (
    Footers,
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingReply,
    ObjectMeta,
    ObjectReply,
    PostObject,
    PutObject,
    with_footers,
)

CRYPTO = "X-Object-Sysmeta-Crypto"  # ROOT.NONCE.SEALED-ETAG of an encrypted body
WRONG_MD5 = "The body's MD5 is not what the ETag header says."
ETAG_COLUMN = Entry._fields.index("etag")
SEALED_ROW = sealing.LISTED.encode()
R = TypeVar("R", ObjectReply, ListingReply)


class EncryptedCluster(Cluster):
    """A cluster whose objects are encrypted: all of them (`everything`), or those whose headers ask for it."""

    def __init__(self, rings: Rings, pool: Pool, roots: RootSecrets, *, everything: bool) -> None:
        super().__init__(rings, pool)
        self._roots = roots
        self._everything = everything

    def put_object(
        self, target: Target, request: PutObject, read: Read, footers: ReadFooters | None = None
    ) -> ObjectReply:
        """Store an object, encrypted if that is wanted. The reply, and what is raised, are those of `Cluster`."""
        plain = {name: value for name, value in request.headers.items() if name != CRYPTO}
        request = msgspec.structs.replace(request, headers=plain)
        if not self._everything and ENCRYPTED not in plain:
            return super().put_object(target, request, read, footers)
        upload = _EncryptedUpload(self._roots.active(), target, request, read, footers)
        sealed = msgspec.structs.replace(
            request, headers=sealing.seal_headers(upload.root, request.name, plain), etag="", listed_etag=""
        )
        reply = super().put_object(target, sealed, upload.read, upload.footers)
        if reply.meta is None:
            return reply
        meta = self.opened(reply.meta)
        return msgspec.structs.replace(reply, meta=msgspec.structs.replace(meta, etag=upload.etag))

    def write(
        self, call: str, placement: Placement, listing: Placement | None, kind: type[R], make: Make, body: bytes = b""
    ) -> R:
        """Make a change. What a POST sets is sealed, what the reply tells of an object is clear."""
        if call == "post_object":
            make = self._sealing(make, placement)
        reply = super().write(call, placement, listing, kind, make, body)
        return reply if call == "put_object" else self._clear(reply)

    def open(
        self,
        placement: Placement,
        *,
        first: int | None = None,
        last: int | None = None,
        if_timestamp: str = "",
        head: bool = False,
    ) -> Opened:
        """Ask for an object. Its metadata is clear; its bytes are those of `decipher`."""
        reply, exchange, body = super().open(placement, first=first, last=last, if_timestamp=if_timestamp, head=head)
        return self._clear(reply), exchange, body

    def head(self, placement: Placement, newest: bool = False) -> ObjectReply:
        """What is known of an object, in clear."""
        return self._clear(super().head(placement, newest))

    def listing(
        self, kind: str, placement: Placement, query: ListingQuery = HEAD_ONLY
    ) -> tuple[ListingInfo | None, bytes]:
        """Head and rows of a listing, with ETags in clear."""
        info, rows = super().listing(kind, placement, query)
        if info is None or SEALED_ROW not in rows:
            return info, rows
        entries: list[list[object]] = msgspec.json.decode(rows)
        for entry in entries:
            entry[ETAG_COLUMN] = sealing.open_listed(self._roots, info.name, str(entry[ETAG_COLUMN]))
        return info, msgspec.json.encode(entries)

    def decipher(self, meta: ObjectMeta, first: int) -> Callable[[bytes], bytes]:
        """What makes the stored bytes of an object, from byte `first` on, clear: it is given piece after piece."""
        crypto = meta.headers.get(CRYPTO)
        if not crypto:
            return super().decipher(meta, first)
        root, nonce, _ = crypto.split(".", 2)
        return bodies.stream(
            _material(self._roots.find(root), meta.name, base64.urlsafe_b64decode(nonce)), first
        ).update

    def opened(self, meta: ObjectMeta) -> ObjectMeta:
        """What is known of an object, in clear. `meta` is as storage hosts keep it."""
        headers = sealing.open_headers(self._roots, meta.name, meta.headers)
        crypto = headers.get(CRYPTO)
        if crypto is None:
            return msgspec.structs.replace(meta, headers=headers)
        sealed_etag = crypto.split(".", 2)[2]
        etag = sealing.open_text(self._roots, meta.name, CRYPTO, sealed_etag)
        listed = sealing.open_listed(self._roots, _container(meta.name), f"; {meta.listed_etag}")
        return msgspec.structs.replace(meta, headers=headers, etag=etag, listed_etag=listed.partition("; ")[2])

    def _clear(self, reply: R) -> R:
        if not isinstance(reply, ObjectReply) or reply.meta is None:
            return reply
        return msgspec.structs.replace(reply, meta=self.opened(reply.meta))

    def _sealing(self, make: Make, placement: Placement) -> Make:
        """What a POST sets is sealed if everything is, or if the object's body is encrypted."""
        is_wanted = self._everything
        if not is_wanted and self._roots.exist():
            meta = super().head(placement).meta
            is_wanted = meta is not None and CRYPTO in meta.headers

        def sealed(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PostObject:
            request = make(replicas, listing_hosts)
            assert isinstance(request, PostObject)
            headers = {name: value for name, value in request.headers.items() if name != CRYPTO}
            if is_wanted or ENCRYPTED in headers:
                headers = sealing.seal_headers(self._roots.active(), request.name, headers)
            return msgspec.structs.replace(request, headers=headers)

        return sealed


class _EncryptedUpload:
    """One body on its way: read in clear, sent encrypted, and what is known of it once it has ended."""

    def __init__(
        self, root: RootSecret, target: Target, request: PutObject, read: Read, footers: ReadFooters | None
    ) -> None:
        self.root = root
        self._container, self._request, self._read, self._footers = target.parent.path, request, read, footers
        self._nonce = bodies.new_nonce()
        self._stream = bodies.stream(_material(root, request.name, self._nonce))
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def etag(self) -> str:
        """The MD5 of what was read, in clear."""
        return self._md5.hexdigest()

    def read(self, max_bytes: int) -> bytes:
        """The next bytes, encrypted."""
        piece = self._read(max_bytes)
        self._md5.update(piece)
        return self._stream.update(piece)

    def footers(self) -> Footers:
        """What is stored behind the body: its key's nonce, its ETag, and what the caller adds, sealed.

        Raises Unprocessable, so that nothing is stored, if the body isn't what the request's ETag says.
        """
        if self._request.etag not in ("", self.etag):
            raise Unprocessable(why=WRONG_MD5)
        root, path = self.root, self._request.name
        more = self._footers() if self._footers is not None else Footers()
        crypto = ".".join(
            (root.id, base64.urlsafe_b64encode(self._nonce).decode(), sealing.seal(root, path, CRYPTO, self.etag))
        )
        listed = with_footers(self._request, more).listed_etag
        return Footers(
            {**sealing.seal_headers(root, path, more.headers), CRYPTO: crypto},
            sealing.seal_listed(root, self._container, self.etag, listed),
        )


def _material(root: RootSecret, path: str, nonce: bytes) -> bytes:
    return root.derive("body", path, bodies.MATERIAL_BYTES, nonce)


def _container(path: str) -> str:
    return Target(*path[1:].split("/", 2)).parent.path
