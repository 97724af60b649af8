"""A listing as clients ask for it, and as they get it: plain text, JSON or XML."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import msgspec

from pileus_kit.errors import NotAcceptable, PreconditionFailed
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.listing import MAX_ROWS, Entry
from pileus_objectstore.core.listing_rows import policy_of
from pileus_objectstore.core.metadata import TRUE
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.timestamps import iso

FORMATS = {"plain": "text/plain", "json": "application/json", "xml": "application/xml"}
WILDCARDS = {"*/*": "text/plain", "text/*": "text/plain", "application/*": "application/json"}
ACCOUNT_COLUMNS = ("name", "count", "bytes", "last_modified", "storage_policy")
CONTAINER_COLUMNS = ("name", "hash", "bytes", "content_type", "last_modified")
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
Shown = dict[str, str | int]


def listing_query(parameters: Mapping[str, str]) -> ListingQuery:
    """Read a listing's parameters. A limit that is no number is ignored, as in Swift.

    Raises PreconditionFailed for a limit that is too large.
    """
    given = parse_whole_number(parameters.get("limit"))
    limit = MAX_ROWS if given is None else given
    if limit > MAX_ROWS:
        raise PreconditionFailed(why=f"Maximum limit is {MAX_ROWS}")
    return ListingQuery(
        limit,
        parameters.get("marker", ""),
        parameters.get("end_marker", ""),
        parameters.get("prefix", ""),
        parameters.get("delimiter", ""),
        parameters.get("path"),
        parameters.get("reverse", "").lower() in TRUE,
    )


def media_type(parameters: Mapping[str, str], accept: str) -> str:
    """The media type of a listing: `format=` decides, else the Accept header. Raises NotAcceptable."""
    asked = FORMATS.get(parameters.get("format", "").lower())
    if asked:
        return asked
    if "format" in parameters or not accept or accept == "*/*":
        return "text/plain"
    best, found = 0.0, ""
    for entry in accept.split(","):
        media, *options = (part.strip() for part in entry.split(";"))
        quality = next((_quality(option[2:]) for option in options if option.startswith("q=")), 1.0)
        match = media if media in (*FORMATS.values(), "text/xml") else WILDCARDS.get(media, "")
        if match and quality > best:
            best, found = quality, match
    if not found:
        raise NotAcceptable(why="A listing is text/plain, application/json or application/xml.")
    return found


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def render_account(account: str, entries: list[Entry], media: str, policy_name: Callable[[int], str]) -> bytes:
    """The containers of an account in the given media type. `policy_name` gives the name of a storage policy."""
    if media == "text/plain":
        return _plain(entries)
    shown: list[Shown] = []
    for name, stamp, size, _, policy, objects in entries:
        if stamp:
            row: Shown = {"name": name, "count": objects, "bytes": size, "last_modified": iso(stamp)}
            shown.append(row | {"storage_policy": policy_name(policy_of(policy))})
        else:
            shown.append({"subdir": name})
    if media == "application/json":
        return msgspec.json.encode(shown)
    return _xml("account", "container", account, shown, ACCOUNT_COLUMNS)


def render_container(container: Target, entries: list[Entry], media: str) -> bytes:
    """The objects of a container in the given media type."""
    if media == "text/plain":
        return _plain(entries)
    shown = show_objects(container, entries)
    if media == "application/json":
        return msgspec.json.encode(shown)
    return _xml("container", "object", container.container, shown, CONTAINER_COLUMNS)


def show_objects(container: Target, entries: list[Entry]) -> list[Shown]:
    """The rows of a container's listing as JSON shows them."""
    shown: list[Shown] = []
    second, shown_second = "", ""  # neighbours in a listing often share their second
    for name, stamp, size, etag, media, _ in entries:
        if not stamp:
            shown.append({"subdir": name})
            continue
        if stamp[:10] != second:
            second, shown_second = stamp[:10], iso(stamp)[:20]
        etag, separator, extra = etag.partition("; ")
        row: Shown = {
            "bytes": size,
            "hash": etag,
            "name": name,
            "content_type": media,
            "last_modified": shown_second + stamp[11:].ljust(6, "0"),
        }
        shown.append(row | _extra(extra, container, name) if separator else row)
    return shown


def _extra(text: str, container: Target, name: str) -> Shown:
    """What is shown of large objects, links and versions: see `ObjectMeta.listed_etag` and `Entry.followed`."""
    values = dict(pair.partition("=")[::2] for pair in text.split("; "))
    shown: Shown = {}
    if "slo_etag" in values:
        shown["slo_etag"] = f'"{values["slo_etag"]}"'
    if "symlink_target" in values:
        holder = values.get("symlink_target_account") or quote(container.account)
        shown["symlink_path"] = f"/v1/{holder}/{values['symlink_target']}"
    if "symlink_target_etag" in values:
        shown["symlink_etag"] = values["symlink_target_etag"]
        shown["symlink_bytes"] = int(values.get("symlink_target_bytes", 0))
    if "version" in values:
        path = quote(f"{container.path}/{name}")
        shown["symlink_path"], shown["version_symlink"] = f"/v1{path}?version-id={values['version']}", True
    return shown


def _plain(entries: list[Entry]) -> bytes:
    return "".join(f"{entry.name}\n" for entry in entries).encode()


def _xml(kind: str, item: str, name: str, shown: list[Shown], columns: tuple[str, ...]) -> bytes:
    lines = [f"<{kind} name={quoteattr(name)}>"]
    for row in shown:
        if "subdir" in row:
            group = str(row["subdir"])
            lines.append(f"<subdir name={quoteattr(group)}><name>{escape(group)}</name></subdir>")
        else:
            fields = "".join(f"<{column}>{escape(str(row[column]))}</{column}>" for column in columns)
            lines.append(f"<{item}>{fields}</{item}>")
    text = "".join([*lines, f"</{kind}>"])
    text = NOT_IN_XML.sub("\ufffd", text)  # one name that XML can't express must not spoil the others
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
