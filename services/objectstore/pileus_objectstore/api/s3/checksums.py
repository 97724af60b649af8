"""S3's headers x-amz-checksum-*: read, and shown."""

import base64
import binascii
from collections.abc import Iterable, Mapping

from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.xml_bodies import Node
from pileus_objectstore.core.checksums import ALGORITHMS, LENGTHS, TYPES, Checksum, Digest

PREFIX = "x-amz-checksum-"


def named(name: str) -> Digest:
    """Begin a checksum of this algorithm. Raises S3Error for one that S3 doesn't have."""
    if name.lower() not in ALGORITHMS:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    return ALGORITHMS[name.lower()]()


def parse(algorithm: str, text: str) -> bytes:
    """Read a checksum in base64. Raises S3Error."""
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != LENGTHS[algorithm]:
        raise S3Error("BadDigest", f"Value for {PREFIX}{algorithm} header is invalid.")
    return value


def header(given: Mapping[str, str]) -> Checksum | None:
    """The checksum that a header announces."""
    for algorithm in ALGORITHMS:
        value = given.get(PREFIX + algorithm)
        if value:
            return Checksum(algorithm, value.strip())
    return None


def of_upload(given: Mapping[str, str]) -> Checksum | None:
    """Algorithm and type of a multipart upload that begins, None if it names none. Raises S3Error."""
    algorithm, kind = given.get("x-amz-checksum-algorithm", "").lower(), given.get("x-amz-checksum-type", "").upper()
    if not algorithm:
        if kind:
            raise S3Error("InvalidRequest", "x-amz-checksum-type needs x-amz-checksum-algorithm.")
        return None
    named(algorithm)
    if kind and kind not in TYPES[algorithm]:
        why = f"The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
        raise S3Error("InvalidRequest", why)
    return Checksum(algorithm, "", kind or TYPES[algorithm][0])


def headers(checksum: Checksum | None) -> list[tuple[str, str]]:
    """The headers that show an object's checksum."""
    if checksum is None:
        return []
    return [(PREFIX + checksum.algorithm, checksum.value), ("x-amz-checksum-type", checksum.type)]


def nodes(checksum: Checksum | None, with_type: bool = True) -> Iterable[Node | tuple[str, object]]:
    """The elements that show a checksum in a document."""
    if checksum is None:
        return []
    shown: list[Node | tuple[str, object]] = [(f"Checksum{checksum.algorithm.upper()}", checksum.value)]
    return [*shown, ("ChecksumType", checksum.type)] if with_type else shown


def parse_whole(checksum: Checksum) -> str:
    """Read the checksum that a completed upload should have; that of a COMPOSITE one may end with a number of parts.

    Raises S3Error.
    """
    parse(checksum.algorithm, checksum.value.partition("-")[0])
    return checksum.value
