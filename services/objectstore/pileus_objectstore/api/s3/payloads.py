"""Bodies of S3 requests: what was signed or promised of them is checked while they stream, before anything is stored.

A reader raises at the body's end if a checksum is wrong, and the store keeps nothing of a body whose reader raised.
Source: Amazon S3 API Reference, "Signature calculations ... transferring payload in multiple chunks".
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping

from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.s3 import checksums
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.core.checksums import Checksum, encode
from pileus_objectstore.core.requests import Read

STREAMING = "STREAMING-"
SIGNED_CHUNKS = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
CHUNK_HEAD = re.compile(rb"([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?")
HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_CHUNK_BYTES = 1 << 24
MAX_LINE_BYTES = 4096
MAX_TRAILERS = 20


class ChunkSigner:
    """Computes the chain of signatures of a body's chunks, which begins with the request's own."""

    def __init__(self, key: bytes, time: str, scope: str, seed: str) -> None:
        self._key, self._time, self._scope, self._last = key, time, scope, seed

    def check(self, data: bytes, given: str) -> None:
        """Raise S3Error unless this is the signature of the next chunk."""
        digest = hashlib.sha256(data).hexdigest()
        text = ("AWS4-HMAC-SHA256-PAYLOAD", self._time, self._scope, self._last, EMPTY_SHA256, digest)
        self._check("\n".join(text), given)

    def check_trailers(self, data: bytes, given: str) -> None:
        """Raise S3Error unless this is the signature of the trailing headers."""
        digest = hashlib.sha256(data).hexdigest()
        self._check("\n".join(("AWS4-HMAC-SHA256-TRAILER", self._time, self._scope, self._last, digest)), given)

    def _check(self, text: str, given: str) -> None:
        expected = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise S3Error("SignatureDoesNotMatch")
        self._last = expected


class ChunkedReader:
    """Decodes `aws-chunked`: chunks with their lengths, perhaps signatures, perhaps headers behind the last one."""

    def __init__(self, read: Read, signer: ChunkSigner | None, on_trailer: Callable[[str, str], None]) -> None:
        self._source, self._signer, self._on_trailer = read, signer, on_trailer
        self._raw, self._ready, self._ended = b"", b"", False

    def read(self, max_bytes: int) -> bytes:
        """Return the next decoded bytes, b'' at the end. Raises S3Error for a malformed or wrongly signed body."""
        while not self._ready and not self._ended:
            self._next_chunk()
        piece, self._ready = self._ready[:max_bytes], self._ready[max_bytes:]
        return piece

    def _next_chunk(self) -> None:
        match = CHUNK_HEAD.fullmatch(self._line())
        if match is None or (self._signer is not None) != (match.group(2) is not None):
            raise S3Error("IncompleteBody", "The body is not in the form aws-chunked.")
        size = int(match.group(1), 16)
        if size > MAX_CHUNK_BYTES:
            raise S3Error("InvalidRequest", f"A chunk may have at most {MAX_CHUNK_BYTES} bytes.")
        data = self._exactly(size)
        if self._signer is not None:
            self._signer.check(data, match.group(2).decode())
        if size:
            if self._exactly(2) != b"\r\n":
                raise S3Error("IncompleteBody", "A chunk doesn't end where it says.")
            self._ready = data
        else:
            self._ended = True
            self._trailers()

    def _trailers(self) -> None:
        lines: list[bytes] = []
        for _ in range(MAX_TRAILERS):
            line = self._line(optional=True)
            if not line:
                return
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "x-amz-trailer-signature":
                if self._signer is not None:
                    self._signer.check_trailers(b"".join(line + b"\n" for line in lines), value.strip())
                continue
            lines.append(line)
            self._on_trailer(name.strip().lower(), value.strip())

    def _line(self, optional: bool = False) -> bytes:
        while b"\r\n" not in self._raw:
            piece = self._source(1 << 16) if len(self._raw) <= MAX_LINE_BYTES else b""
            if not piece:
                if optional and not self._raw:
                    return b""
                raise S3Error("IncompleteBody")
            self._raw += piece
        line, _, self._raw = self._raw.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes:
        pieces, have = [self._raw], len(self._raw)
        while have < size:
            piece = self._source(min(1 << 18, size - have))
            if not piece:
                raise S3Error("IncompleteBody")
            pieces.append(piece)
            have += len(piece)
        whole = b"".join(pieces)
        self._raw = whole[size:]
        return whole[:size]


class Payload:
    """A request's body as the store reads it. `size` is its length in bytes, `checksum` what to keep of it."""

    def __init__(
        self,
        headers: Mapping[str, str],
        declared: str,
        read: Read,
        length: int,
        signer: ChunkSigner | None,
        own_checksums: bool = True,
    ) -> None:
        """`declared` is x-amz-content-sha256, `length` the request's Content-Length, -1 if it has none.

        `own_checksums`: whether x-amz-checksum-* are this body's. Where an upload is completed they are the object's.
        """
        self._own_checksums = own_checksums
        self._expected: dict[str, bytes] = {}
        self._running: dict[str, checksums.Digest] = {}
        self._counted: set[str] = set()  # those that the client needn't send
        self._done, self._have = False, 0
        self.size = length
        if declared.startswith(STREAMING):
            self._read = self._chunked(headers, declared, read, signer)
        else:
            self._read = read
            if declared != UNSIGNED:
                self._expect_sha256(declared)
        self._expect_headers(headers)

    @property
    def algorithm(self) -> str:
        """The algorithm of the body's checksum, '' if it has none."""
        return next((name for name in self._running if name in checksums.ALGORITHMS), "")

    def checksum(self) -> Checksum | None:
        """The checksum of the body, once it was read; None if it has none."""
        name = self.algorithm
        return Checksum(name, encode(self._running[name].digest())) if name else None

    def count(self, algorithm: str) -> None:
        """Compute this checksum, too, whether or not the client has sent it."""
        self._begin(algorithm)
        self._counted.add(algorithm)

    def read(self, max_bytes: int) -> bytes:
        """Return the next bytes, b'' at the end. Raises S3Error if the body isn't what was signed or promised."""
        if self._done:
            return b""
        piece = self._read(max_bytes)
        for digest in self._running.values():
            digest.update(piece)
        self._have += len(piece)
        longer = self._have > self.size >= 0 or (piece and self._have == self.size and self._read(1))
        if longer or (not piece and self._have < self.size):
            raise S3Error("IncompleteBody", "The body has not the length that it was said to have.")
        if not piece or self._have == self.size:  # a reader who knows the size doesn't ask for the end
            self._done = True
            self._check()
        return piece

    def check_if_empty(self) -> None:
        """Check a body of no bytes, which the store doesn't read. Raises S3Error."""
        if self.size == 0:
            self.read(1)

    def read_all(self, max_bytes: int) -> bytes:
        """Return a short body. Raises S3Error if it is longer."""
        pieces, have = [], 0
        while piece := self.read(1 << 16):
            have += len(piece)
            if have > max_bytes:
                raise S3Error("MaxMessageLengthExceeded")
            pieces.append(piece)
        return b"".join(pieces)

    def _chunked(self, headers: Mapping[str, str], declared: str, read: Read, signer: ChunkSigner | None) -> Read:
        if declared not in (*SIGNED_CHUNKS, UNSIGNED_CHUNKS):
            raise S3Error("NotImplemented", f"{declared} is not implemented.")
        size = parse_whole_number(headers.get("x-amz-decoded-content-length", ""))
        if size is None:
            raise S3Error("MissingContentLength")
        self.size = size
        for name in headers.get("x-amz-trailer", "").split(","):
            if name.strip().lower().startswith(checksums.PREFIX):
                self._begin(name.strip().lower().removeprefix(checksums.PREFIX))
        signed = declared in SIGNED_CHUNKS
        return ChunkedReader(read, signer if signed else None, self._trailer).read

    def _trailer(self, name: str, value: str) -> None:
        if name.startswith(checksums.PREFIX):
            algorithm = name.removeprefix(checksums.PREFIX)
            if algorithm not in self._running:
                raise S3Error("InvalidRequest", f"The trailer {name} was not announced.")
            self._expected[algorithm] = checksums.parse(algorithm, value)

    def _expect_sha256(self, declared: str) -> None:
        if not HEX_SHA256.fullmatch(declared):
            why = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING word or a SHA-256."
            raise S3Error("InvalidArgument", why)
        self._running["declared"], self._expected["declared"] = hashlib.sha256(), bytes.fromhex(declared)

    def _expect_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            algorithm = name.removeprefix(checksums.PREFIX)
            if name.startswith(checksums.PREFIX) and algorithm in checksums.ALGORITHMS and self._own_checksums:
                self._begin(algorithm)
                self._expected[algorithm] = checksums.parse(algorithm, value)
        if "content-md5" in headers:
            try:
                md5 = base64.b64decode(headers["content-md5"], validate=True)
            except ValueError:
                md5 = b""
            if len(md5) != 16:
                raise S3Error("InvalidDigest", "The Content-MD5 that you specified is not valid.")
            self._running["md5"], self._expected["md5"] = hashlib.md5(usedforsecurity=False), md5

    def _begin(self, algorithm: str) -> None:
        self._running.setdefault(algorithm, checksums.named(algorithm))

    def _check(self) -> None:
        for name, expected in self._expected.items():
            if self._running[name].digest() != expected:
                raise S3Error("XAmzContentSHA256Mismatch" if name == "declared" else "BadDigest")
        announced = set(self._running) & set(checksums.ALGORITHMS) - self._counted
        if announced - self._expected.keys():
            raise S3Error("InvalidRequest", "The trailer with the announced checksum is missing.")
