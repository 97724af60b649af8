"""Server-side encryption: with the store's keys (SSE-S3), with a key that the client sends (SSE-C), and by default."""

import base64
import binascii
import hashlib
from collections.abc import Mapping

from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core.access import change_setting, read_setting
from pileus_objectstore.core.encryption.customer_keys import HEADER as CUSTOMER
from pileus_objectstore.core.encryption.customer_keys import KEY_BYTES, CustomerKey
from pileus_objectstore.core.encryption.default_encryption import ALGORITHM, DEFAULT, DefaultEncryption
from pileus_objectstore.core.encryption.sealing import ENCRYPTED

SSE = "x-amz-server-side-encryption"
SSE_C = f"{SSE}-customer-"
COPY_SSE_C = "x-amz-copy-source-server-side-encryption-customer-"
KMS = "aws:kms"
RULE = "Rule/ApplyServerSideEncryptionByDefault"
NO_KMS = "Keys of a key management service are not offered; the algorithm is AES256."
NEEDS_TLS = (
    "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection."
)
NO_KEY = (
    "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key."
)
WRONG_MD5 = "The calculated MD5 hash of the key did not match the hash that was provided."
NO_ALGORITHM = (
    "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm."
)


def marks(headers: Mapping[str, str]) -> dict[str, str]:
    """What is stored with an object whose request asks for encryption with the store's keys. Raises S3Error."""
    if any(name in headers for name in (f"{SSE}-aws-kms-key-id", f"{SSE}-context")) and SSE not in headers:
        raise S3Error("InvalidArgument", f"{SSE} must be {KMS} to name a key.")
    algorithm = headers.get(SSE)
    if algorithm is None:
        return {}
    if any(name.startswith(SSE_C) for name in headers):
        raise S3Error("InvalidArgument", "Server Side Encryption with Customer provided key is incompatible with it.")
    _check_algorithm(algorithm)
    return {ENCRYPTED: ALGORITHM}


def customer_key(s3: S3Request, prefix: str = SSE_C) -> CustomerKey | None:
    """The key that a request sends, checked against its MD5; None if it sends none. Raises S3Error."""
    given = {name: s3.headers.get(prefix + name) for name in ("algorithm", "key", "key-md5")}
    if not any(value is not None for value in given.values()):
        return None
    if s3.http.environ.get("wsgi.url_scheme") != "https" and not s3.tools.config.customer_keys_over_http:
        raise S3Error("InvalidRequest", NEEDS_TLS)
    if given["algorithm"] != ALGORITHM:
        raise S3Error("InvalidArgument", NO_ALGORITHM)
    try:
        key = base64.b64decode(given["key"] or "", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise S3Error("InvalidArgument", NO_KEY)
    if given["key-md5"] != _md5(key):
        raise S3Error("InvalidArgument", WRONG_MD5)
    return CustomerKey(key)


def shown(headers: Mapping[str, str], key: CustomerKey | None = None) -> list[tuple[str, str]]:
    """How an answer says that an object is encrypted; `headers` are what is stored with it."""
    if key is not None and CUSTOMER in headers:
        return [(f"{SSE_C}algorithm", ALGORITHM), (f"{SSE_C}key-MD5", _md5(key.key))]
    return [(SSE, headers[ENCRYPTED])] if headers.get(ENCRYPTED) else []


def show(s3: S3Request) -> Response:
    """GetBucketEncryption."""
    s3.access.require(read_setting("s3:GetEncryptionConfiguration"), s3.container)
    found = DEFAULT.load(s3.tools, s3.container, fresh=True)
    if found is None:
        raise S3Error("ServerSideEncryptionConfigurationNotFoundError", BucketName=s3.bucket)
    default = Node("ApplyServerSideEncryptionByDefault", ("SSEAlgorithm", found.algorithm))
    rule = Node("Rule", default, ("BucketKeyEnabled", "true" if found.bucket_key else "false"))
    return response(Node("ServerSideEncryptionConfiguration", rule))


def update(s3: S3Request) -> Response:
    """PutBucketEncryption. Objects that are in the bucket stay as they are."""
    s3.access.require(change_setting("s3:PutEncryptionConfiguration"), s3.container)
    document = parse(s3.body(), "ServerSideEncryptionConfiguration")
    rules = document.findall("Rule")
    algorithm = text(document, f"{RULE}/SSEAlgorithm")
    if len(rules) != 1 or not algorithm:
        raise S3Error("MalformedXML")
    _check_algorithm(algorithm)
    bucket_key = text(rules[0], "BucketKeyEnabled").lower() == "true"
    DEFAULT.store(s3.tools, s3.container, DefaultEncryption(ALGORITHM, bucket_key))
    return Response(200, (), b"", "")


def delete(s3: S3Request) -> Response:
    """DeleteBucketEncryption."""
    s3.access.require(change_setting("s3:PutEncryptionConfiguration"), s3.container)
    DEFAULT.store(s3.tools, s3.container, None)
    return Response(204, (), b"", "")


def _check_algorithm(algorithm: str) -> None:
    if algorithm.startswith(KMS):
        raise S3Error("NotImplemented", NO_KMS)
    if algorithm != ALGORITHM:
        raise S3Error("InvalidArgument", "The encryption method specified is not supported")


def _md5(key: bytes) -> str:
    return base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()
