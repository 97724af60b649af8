"""Checks of the object store's answers that hold for every request: the form of Swift's headers, the statuses that a
call may have, the content of listings."""

import hashlib
import json
import re
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

from object_store_requests import StoreRequest
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from pileus_kit.json_types import JsonObject

TRANSACTION = re.compile(r"tx[0-9a-f]{21}-[0-9a-f]{10}")
MD5 = r"[0-9a-f]{32}"
STAMP = r"\d{10}\.\d{5}"
HTTP_DATE = r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
FORMS = {
    name: re.compile(form)
    for name, form in {
        "Etag": rf'{MD5}|"{MD5}"',
        "X-Timestamp": STAMP,
        "X-Put-Timestamp": STAMP,
        "Last-Modified": HTTP_DATE,
        "X-Copied-From-Last-Modified": HTTP_DATE,
        "Accept-Ranges": "bytes",
        "X-Static-Large-Object": "True",
        "X-Delete-At": r"\d+",
        "Content-Length": r"\d+",
        "X-Account-Container-Count": r"\d+",
        "X-Account-Object-Count": r"\d+",
        "X-Account-Bytes-Used": r"\d+",
        "X-Container-Object-Count": r"\d+",
        "X-Container-Bytes-Used": r"\d+",
        "Content-Range": r"bytes (\d+-\d+|\*)/\d+",
        "Location": r"\S+",
    }.items()
}
REFUSALS = {400, 401, 403, 404, 405, 406, 411, 412, 413}
STATUSES = {
    "GET account": {200, 204},
    "HEAD account": {204},
    "POST account": {200, 204},
    "PUT account": {200, 201, 202},
    "DELETE account": {200, 204, 409},
    "GET container": {200, 204, 301, 304, 409, 416},
    "HEAD container": {200, 204, 301, 304, 409, 416},
    "PUT container": {200, 201, 202, 409},
    "POST container": {201, 204, 303},
    "DELETE container": {200, 204, 409},  # 200 for a bulk-delete of what the body names
    "GET object": {200, 206, 301, 304, 409, 416},
    "HEAD object": {200, 301, 304, 409},
    "PUT object": {200, 201, 202, 304, 409, 416, 422},
    "POST object": {201, 202, 303, 409},
    "DELETE object": {200, 204, 409},
    "COPY object": {201, 202, 304, 409, 416, 422},
    "OPTIONS": {200},
}
LISTINGS = {f"{media}; charset=utf-8" for media in ("text/plain", "application/json", "application/xml", "text/xml")}
KEYS = {
    "name",
    "count",
    "bytes",
    "last_modified",
    "hash",
    "content_type",
    "subdir",
    "slo_etag",
    "symlink_path",
    "storage_policy",
}
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def deviation(sent: StoreRequest, answer: TestResponse, body: bytes | None) -> str:
    """Why the answer is wrong; "" if nothing is. `body` is None if it was too long or incomplete."""
    kind = kind_of(sent)
    wrong = _headers(answer.headers) or _length(sent, answer, body) or _status(sent, answer, kind)
    if wrong:
        return wrong
    if answer.status_code == 206 and body is not None:
        return _part(answer.headers, body)
    is_web_page = (not sent.who and "temp_url_sig" not in sent.query) or "X-Web-Mode" in sent.headers
    if is_web_page or answer.status_code not in (200, 201, 204):
        return ""
    if sent.method == "GET" and kind != "object":
        return _listing(sent, answer, kind, body or b"")
    if sent.method in ("GET", "HEAD", "PUT") and kind == "object":
        return _object(sent, answer, body)
    return ""


def _headers(headers: Headers) -> str:
    for name, value in headers.items():
        if CONTROL.search(value):
            return f"a control character in {name}: {value!r}"
        form = FORMS.get(name)
        if form and not form.fullmatch(value):
            return f"{name}: {value!r}"
    identifier = headers.get("X-Trans-Id", "")
    return "" if TRANSACTION.fullmatch(identifier) else f"X-Trans-Id: {identifier!r}"


def _length(sent: StoreRequest, answer: TestResponse, body: bytes | None) -> str:
    if body is None or sent.method == "HEAD":
        return ""
    declared = int(answer.headers.get("Content-Length", len(body)))
    return "" if len(body) == declared else f"{len(body)} bytes, Content-Length {declared}"


def _status(sent: StoreRequest, answer: TestResponse, kind: str) -> str:
    status = answer.status_code
    if status not in REFUSALS | STATUSES.get(f"{sent.method} {kind}", STATUSES["OPTIONS"]):
        return f"{status} is no answer to {sent.method} {kind}"
    needed = {401: "Www-Authenticate", 405: "Allow", 416: "Content-Range", 206: "Content-Length", 301: "Location"}
    if needed.get(status, "X-Trans-Id") not in answer.headers and sent.method != "OPTIONS":
        return f"{status} without {needed[status]}"
    return ""


def kind_of(sent: StoreRequest) -> str:
    parts = sent.path.split("/", 4)[2:]
    return ("account", "container", "object")[max(0, sum(1 for part in parts if part) - 1)]


def _part(headers: Headers, body: bytes) -> str:
    media = headers["Content-Type"]
    if media.startswith("multipart/byteranges"):
        mark = b"--" + media.partition("boundary=")[2].encode()
        return "" if body.startswith(mark) and body.endswith(mark + b"--") else "a multipart body without its boundary"
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("Content-Range", ""))
    if not match:
        return f"206 with Content-Range {headers.get('Content-Range')!r}"
    first, last, size = map(int, match.groups())
    return "" if first <= last < size and len(body) == last - first + 1 else f"{match[0]}, and {len(body)} bytes"


def _object(sent: StoreRequest, answer: TestResponse, body: bytes | None) -> str:
    headers = answer.headers
    if "extract-archive" in sent.query:
        return ""
    for name in ("Etag", "Last-Modified"):
        if name not in headers:
            return f"without {name}"
    if sent.method == "PUT":
        return ""
    if "X-Timestamp" not in headers or "Accept-Ranges" not in headers:
        return "without X-Timestamp or Accept-Ranges"
    if parsedate_to_datetime(headers["Last-Modified"]).timestamp() != -int(-float(headers["X-Timestamp"]) // 1):
        return f"Last-Modified {headers['Last-Modified']}, X-Timestamp {headers['X-Timestamp']}"
    plain = not headers["Etag"].startswith('"')
    if sent.method == "GET" and plain and body is not None and hashlib.md5(body).hexdigest() != headers["Etag"]:
        return "the ETag is not the body's MD5"
    return ""


def _listing(sent: StoreRequest, answer: TestResponse, kind: str, body: bytes) -> str:
    media = answer.headers["Content-Type"]
    if media not in LISTINGS:
        return f"a listing as {media}"
    if (answer.status_code == 204) != (not body):
        return f"{answer.status_code} with {len(body)} bytes"
    needed = (
        ("X-Account-Container-Count", "X-Account-Object-Count", "X-Account-Bytes-Used")
        if kind == "account"
        else ("X-Container-Object-Count", "X-Container-Bytes-Used", "X-Storage-Policy")
    )
    missing = [name for name in (*needed, "X-Timestamp", "Accept-Ranges") if name not in answer.headers]
    if missing:
        return f"without {', '.join(missing)}"
    if "xml" in media:
        return _xml(kind, body)
    if "plain" in media:
        return "" if not body or body.endswith(b"\n") else "the last line has no end"
    return _rows(sent, kind, json.loads(body))


def _xml(kind: str, body: bytes) -> str:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as e:
        return f"no XML: {e}"
    inside = {"account": "container", "container": "object"}[kind]
    odd = {child.tag for child in root} - {inside, "subdir"}
    return f"<{root.tag}> with {odd}" if root.tag != kind or odd else ""


def _rows(sent: StoreRequest, kind: str, rows: list[JsonObject]) -> str:
    names = [(row.get("name") or row["subdir"]).encode() for row in rows]
    backwards = sent.query.get("reverse", "").lower() in ("true", "1", "yes", "on", "t", "y")
    if names != sorted(set(names), reverse=backwards):
        return f"names out of order: {names}"
    limit = sent.query.get("limit", "")
    if limit.isascii() and limit.isdecimal() and len(rows) > int(limit[:9]):
        return f"{len(rows)} rows, limit {limit}"
    prefix = sent.query.get("prefix", "") if "path" not in sent.query else ""
    if not all(name.startswith(prefix.encode()) for name in names):
        return f"prefix {prefix!r}: {names}"
    for row in rows:
        if row.keys() - KEYS or not ("subdir" in row or ISO.fullmatch(row["last_modified"])):
            return f"a row: {row}"
        if kind == "container" and "subdir" not in row and not re.fullmatch(MD5, row["hash"]):
            return f"a hash: {row}"
        if any(type(row[key]) is not int or row[key] < 0 for key in ("bytes", "count") if key in row):
            return f"a number: {row}"
    return ""
