"""Bodies of S3 requests: the example of AWS' documentation, and bodies that lie."""

import hashlib
import hmac
import io

import pytest

from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.payloads import ChunkSigner, Payload
from pileus_objectstore.api.s3.xml_bodies import parse
from pileus_objectstore.core.checksums import Checksum

# Amazon S3 API Reference, "Example: PUT object" of chunked uploads
SCOPE = "20130524/us-east-1/s3/aws4_request"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
CHUNKS = (b"a" * 65536, b"a" * 1024, b"")
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def signing_key() -> bytes:
    key = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for part in SCOPE.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def signed_body(chunks: tuple[bytes, ...] = CHUNKS) -> bytes:
    return b"".join(
        b"%x;chunk-signature=%s\r\n%s\r\n" % (len(chunk), signature.encode(), chunk)
        for chunk, signature in zip(chunks, SIGNATURES, strict=True)
    )


def payload(body: bytes, declared: str, **headers: str) -> Payload:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    signer = ChunkSigner(signing_key(), "20130524T000000Z", SCOPE, SEED)
    return Payload(named, declared, io.BytesIO(body).read, len(body), signer)


def test_the_documented_example() -> None:
    read = payload(signed_body(), SIGNED, x_amz_decoded_content_length="66560")
    assert read.size == 66560 and read.read_all(1 << 20) == b"a" * 66560


def test_a_changed_chunk_is_found() -> None:
    body = signed_body((b"b" * 65536, *CHUNKS[1:]))
    with pytest.raises(S3Error) as refused:
        payload(body, SIGNED, x_amz_decoded_content_length="66560").read_all(1 << 20)
    assert refused.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest"),
        (b"5\r\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b"5\r\nhel", "IncompleteBody"),
        (b"5\r\nhelloXX", "IncompleteBody"),
        (b"zz\r\nhello\r\n", "IncompleteBody"),
        (b"ffffffff\r\nhello\r\n", "InvalidRequest"),
        (b"6\r\nhello!\r\n0\r\n\r\n", "IncompleteBody"),
        (b"5" * 10_000, "IncompleteBody"),
    ],
)
def test_bodies_that_lie(body: bytes, why: str) -> None:
    read = payload(body, TRAILER, x_amz_decoded_content_length="5", x_amz_trailer="x-amz-checksum-crc32")
    with pytest.raises(S3Error) as refused:
        read.read_all(1 << 20)
    assert refused.value.code == why


def test_a_trailer_that_is_right() -> None:
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    read = payload(body, TRAILER, x_amz_decoded_content_length="5", x_amz_trailer="x-amz-checksum-crc32")
    assert read.read_all(100) == b"hello" and read.checksum() == Checksum("crc32", "NhCmhg==")


def test_a_body_of_another_hash() -> None:
    with pytest.raises(S3Error) as refused:
        payload(b"hello", hashlib.sha256(b"other").hexdigest()).read_all(100)
    assert refused.value.code == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<Delete>",
        b"<Other/>",
        b'<!DOCTYPE Delete [<!ENTITY a "b">]><Delete>&a;</Delete>',
        b'<?xml version="1.0" encoding="nonsense"?><Delete/>',
        b"\xff\xfe",
    ],
)
def test_odd_documents_are_malformed(document: bytes) -> None:
    with pytest.raises(S3Error) as refused:
        parse(document, "Delete")
    assert refused.value.code == "MalformedXML"


def test_a_chunks_signature_may_be_anything() -> None:
    signer = ChunkSigner(signing_key(), "20130524T000000Z", SCOPE, SEED)
    with pytest.raises(S3Error, match="does not match"):
        signer.check(b"", "\u00e9")
