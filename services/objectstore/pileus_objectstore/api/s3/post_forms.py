"""Uploads from forms of web pages: POST to a bucket. Fields stand for headers; what follows the file is ignored.

Source: Amazon S3 API Reference, "POST Object".
"""

import re
from urllib.parse import quote, urlencode, urlsplit

from pileus_kit.auth import Caller
from pileus_kit.errors import CloudError
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.multipart_forms import Part, Parts
from pileus_objectstore.api.s3 import objects, post_policies
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.payloads import UNSIGNED, Payload
from pileus_objectstore.api.s3.post_policies import Sizes
from pileus_objectstore.api.s3.requests import EXPECTED_OWNER, S3Request
from pileus_objectstore.api.s3.senders import Senders, reader
from pileus_objectstore.api.s3.signatures import ALGORITHM
from pileus_objectstore.api.s3.xml_bodies import Node, response
from pileus_objectstore.clients.access_keys import SignedText
from pileus_objectstore.core.requests import Read

MAX_FIELDS_BYTES = 40_000  # of all that precedes the file; S3 has 20,000
CONTENT_HEADERS = ("cache-control", "content-type", "content-disposition", "content-encoding", "expires")
HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2; fields have lower case
STATUSES = ("200", "201", "204")


def is_form(request: Request) -> bool:
    """Whether a POST is an upload from a form."""
    return request.method == "POST" and request.header("Content-Type").lower().startswith("multipart/form-data")


def create(s3: S3Request, senders: Senders) -> Response:
    """POST Object."""
    fields: dict[str, str] = {}
    try:
        file = _fields_before_file(Parts(reader(s3.http), s3.http.header("Content-Type")), fields)
    except S3Error:
        raise
    except CloudError as err:
        if err.status != 400:
            raise
        raise S3Error("MalformedPOSTRequest", str(err)) from None
    if not fields.get("key"):
        raise S3Error("InvalidArgument", "Bucket POST must contain a field named 'key' before the file.")
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    s3.key = fields["key"] = fields["key"].replace("${filename}", name)
    s3.caller = s3.access.caller = _sender(s3, senders, fields)
    sizes = Sizes()
    if "policy" in fields:
        sizes = post_policies.check(fields["policy"], {**fields, "bucket": s3.bucket}, s3.tools.now())
    s3.headers = s3.access.facts.form = _headers(s3, fields)
    s3.check_owner(EXPECTED_OWNER, s3.account)
    s3.access.facts.how = "POST"
    s3.payload = Payload(s3.headers, UNSIGNED, _limited(file.read, sizes), -1, None)
    return _finished(s3, fields, objects.store(s3).get("ETag"))


def _fields_before_file(parts: Parts, fields: dict[str, str]) -> Part:
    """Fill the fields, names in lower case, and return the part that is the file. Raises S3Error."""
    have = 0
    for part in parts:
        name = part.name.lower()
        if name == "file":
            return part
        data = b""
        while piece := part.read(MAX_FIELDS_BYTES):
            data += piece
            if have + len(data) > MAX_FIELDS_BYTES:
                raise S3Error("MaxPostPreDataLengthExceeded")
        have += len(data) + len(name)
        if name in fields:
            raise S3Error("InvalidArgument", f"The form has the field {name} twice.")
        fields[name] = data.decode(errors="replace")
    raise S3Error("InvalidArgument", "POST requires exactly one file upload per request.")


def _sender(s3: S3Request, senders: Senders, fields: dict[str, str]) -> Caller | None:
    """Who signed the form's policy; None for a form without one. Raises S3Error."""
    signed = {"awsaccesskeyid", "signature", "x-amz-signature", "x-amz-credential", "x-amz-algorithm"} & fields.keys()
    if "policy" not in fields:
        if signed:
            raise S3Error("InvalidArgument", "A form with a signature must contain a field named 'policy'.")
        senders.anonymous(s3.http)
        return None
    if "x-amz-algorithm" in fields:
        text = _version_4(fields)
    else:
        senders.require_version_2()
        for name in ("AWSAccessKeyId", "signature"):
            if not fields.get(name.lower()):
                raise S3Error("InvalidArgument", f"Bucket POST must contain a field named '{name}'.")
        text = SignedText(fields["awsaccesskeyid"], "", fields["policy"], fields["signature"])
        s3.access.facts.signature = "AWS"
    return senders.authenticate(s3.http, text)[0]


def _version_4(fields: dict[str, str]) -> SignedText:
    access, _, scope = fields.get("x-amz-credential", "").partition("/")
    parts, date = scope.split("/"), fields.get("x-amz-date", "")
    valid = len(parts) == 4 and parts[2:] == ["s3", "aws4_request"] and access and date[:8] == parts[0]
    if fields["x-amz-algorithm"] != ALGORITHM or not valid or not fields.get("x-amz-signature"):
        raise S3Error("InvalidArgument", "The form's x-amz-algorithm, -credential, -date or -signature is not valid.")
    return SignedText(access, scope, fields["policy"], fields["x-amz-signature"])


def _headers(s3: S3Request, fields: dict[str, str]) -> dict[str, str]:
    """What a PUT would have in its headers. Raises S3Error for what no header can hold."""
    found = {name: fields[name] for name in fields if name.startswith("x-amz-") or name in CONTENT_HEADERS}
    for name, value in found.items():
        if not HEADER_NAME.fullmatch(name) or not value.isprintable():
            raise S3Error("InvalidArgument", f"The field {name} can't stand for a header.")
    if "acl" in fields:
        found["x-amz-acl"] = fields["acl"]
    if "tagging" in fields:
        tags = objects.parse_tags(fields["tagging"].encode())
        found["x-amz-tagging"] = urlencode(tags, quote_via=quote)
    return found


def _limited(read: Read, sizes: Sizes) -> Read:
    """The file, whose reader raises if it has too few or too many bytes: nothing of it is stored then."""
    have, most = 0, objects.MAX_PUT_BYTES if sizes.most is None else sizes.most

    def limited(max_bytes: int) -> bytes:
        nonlocal have
        piece = read(max_bytes)
        have += len(piece)
        if have > most:
            raise S3Error("EntityTooLarge")
        if not piece and have < sizes.least:
            raise S3Error("EntityTooSmall")
        return piece

    return limited


def _finished(s3: S3Request, fields: dict[str, str], etag: str) -> Response:
    """What the form asks to be answered: a redirection, or a status."""
    shown = [("ETag", etag), ("Location", s3.location)]
    redirect = fields.get("success_action_redirect") or fields.get("redirect", "")
    if redirect and _is_url(redirect):
        query = urlencode({"bucket": s3.bucket, "key": s3.key, "etag": etag}, quote_via=quote)
        return Response(303, [("Location", f"{redirect}{'&' if '?' in redirect else '?'}{query}")], b"", "")
    status = fields.get("success_action_status", "")
    if status == "201":
        named = ("Bucket", s3.bucket), ("Key", s3.key), ("ETag", etag)
        return response(Node("PostResponse", ("Location", s3.location), *named), 201, shown, namespace="")
    return Response(int(status) if status in STATUSES else 204, shown, b"", "")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and text.isprintable() and " " not in text
