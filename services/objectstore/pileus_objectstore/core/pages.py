"""A listing as clients ask for it and as they get it: plain, JSON, XML."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import NotAcceptable, PreconditionFailed
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.errors import BadPath

LIMIT = 10_000
FORMATS = {"plain": "text/plain", "json": "application/json", "xml": "application/xml"}
NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
Entry = tuple[str, str, int, str, str, int]  # name, timestamp, size, etag, type, count


@dataclass(frozen=True)
class Wish:
    """The query of a listing."""

    limit: int = LIMIT
    marker: str = ""
    end_marker: str = ""
    prefix: str = ""
    delimiter: str = ""
    path: str | None = None
    reverse: bool = False

    def fields(self) -> dict[str, Any]:
        return {
            name: getattr(self, name)
            for name in ("limit", "marker", "end_marker", "prefix", "delimiter", "path", "reverse")
        }


def wish_of(query: dict[str, str]) -> Wish:
    """Raises PreconditionFailed for a limit that is too large; what is no number counts as none, as Swift has it."""
    given = parse_whole_number(query.get("limit"))
    limit = LIMIT if given is None else given
    if limit > LIMIT:
        raise PreconditionFailed(why=f"Maximum limit is {LIMIT}")
    if any("\0" in value for value in query.values()):
        raise BadPath(why="Invalid UTF8 or contains NULL")
    return Wish(
        limit,
        query.get("marker", ""),
        query.get("end_marker", ""),
        query.get("prefix", ""),
        query.get("delimiter", ""),
        query.get("path"),
        query.get("reverse", "").lower() in ("true", "1", "yes", "on", "t", "y"),
    )


def content_type(query: dict[str, str], accept: str) -> str:
    """The media type of a listing: `format=` decides, else Accept. Raises NotAcceptable."""
    asked = FORMATS.get(query.get("format", "").lower())
    if asked:
        return asked
    if "format" in query or not accept or accept == "*/*":
        return "text/plain"
    best, found = 0.0, ""
    for entry in accept.split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        quality = next((_number(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        match = (
            media
            if media in (*FORMATS.values(), "text/xml")
            else {"*/*": "text/plain", "text/*": "text/plain", "application/*": "application/json"}.get(media, "")
        )
        if match and quality > best:
            best, found = quality, match
    if not found:
        raise NotAcceptable(why="A listing is text/plain, application/json or application/xml.")
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def iso(timestamp: str) -> str:
    """2026-01-02T03:04:05.678900, as listings say it."""
    seconds, _, fraction = timestamp.partition(".")
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return (
        f"{moment.year:04}-{moment.month:02}-{moment.day:02}T{moment.hour:02}:{moment.minute:02}:{moment.second:02}."
        f"{fraction[:6].ljust(6, '0')}"
    )


def entries(kind: str, rows: bytes, account: str = "") -> list[dict[str, Any]]:
    """The rows of a listing as JSON shows them; `account` is whose they are."""
    found: list[dict[str, Any]] = []
    last, shown = "", ""  # neighbours often share their second
    for name, stamp, size, etag, media, count in decoding.decode(rows, list[Entry]) if rows else ():
        if not stamp:
            found.append({"subdir": name})
            continue
        if stamp[:10] != last:
            last, shown = stamp[:10], iso(stamp)[:20]
        modified = shown + stamp[11:].ljust(6, "0")
        if kind == "account":
            found.append({"name": name, "count": count, "bytes": size, "last_modified": modified})
            continue
        etag, extra, more = etag.partition("; ")
        entry = {"bytes": size, "hash": etag, "name": name, "content_type": media, "last_modified": modified}
        found.append(entry | _extra(more, account) if extra else entry)
    return found


def _extra(text: str, account: str) -> dict[str, Any]:
    """What is shown of large objects and links: see `Meta.listed_etag`."""
    values = dict(pair.partition("=")[::2] for pair in text.split("; "))
    shown: dict[str, Any] = {}
    if "slo_etag" in values:
        shown["slo_etag"] = f'"{values["slo_etag"]}"'
    if "symlink_target" in values:
        holder = values.get("symlink_target_account") or quote(account)
        shown["symlink_path"] = f"/v1/{holder}/{values['symlink_target']}"
    if "symlink_target_etag" in values:
        shown["symlink_etag"] = values["symlink_target_etag"]
        shown["symlink_bytes"] = int(values.get("symlink_target_bytes", 0))
    return shown


def render(kind: str, name: str, found: list[dict[str, Any]], media: str) -> bytes:
    if media == "application/json":
        return msgspec.json.encode(found)
    if media == "text/plain":
        return "".join(f"{entry.get('name') or entry['subdir']}\n" for entry in found).encode()
    replica = "container" if kind == "account" else "object"
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<{kind} name={quoteattr(name)}>"]
    for entry in found:
        if "subdir" in entry:
            lines.append(f"<subdir name={quoteattr(entry['subdir'])}><name>{escape(entry['subdir'])}</name></subdir>")
        else:
            order = (
                ("name", "count", "bytes", "last_modified")
                if kind == "account"
                else ("name", "hash", "bytes", "content_type", "last_modified")
            )
            lines.append(
                f"<{replica}>" + "".join(f"<{key}>{escape(str(entry[key]))}</{key}>" for key in order) + f"</{replica}>"
            )
    text = "\n".join([*lines, f"</{kind}>"])  # one name that XML has no letters for must not spoil the others
    return NO_XML.sub("\ufffd", text).encode()
