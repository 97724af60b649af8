"""Headers that are stored: which, how many, how long (the limits are Swift's, announced by /info)."""

import re
from collections.abc import Iterable, Mapping

from pileus_kit.errors import BadRequest
from pileus_objectstore.core import acls

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MAX_NAME = 128
MAX_VALUE = 256
MAX_COUNT = 90
MAX_OVERALL = 4096
CONTAINER_HEADERS = (
    "X-Container-Read",
    "X-Container-Write",
    "X-Container-Sync-To",
    "X-Container-Sync-Key",
    "X-Versions-Location",
    "X-History-Location",
)
OBJECT_HEADERS = (
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Cache-Control",
    "Expires",
    "X-Robots-Tag",
    "X-Object-Manifest",
)


def changes(kind: str, headers: Mapping[str, str]) -> dict[str, str]:
    """What a PUT or POST of an account or container sets (a value) and removes (''). Raises BadRequest."""
    prefix = f"X-{kind.title()}-Meta-"
    remove = f"X-Remove-{kind.title()}-"
    found = {}
    for name, value in headers.items():
        if name.startswith(prefix) or (kind == "container" and name in CONTAINER_HEADERS):
            found[name] = value
    for name in headers:
        if name.startswith(remove):
            found.setdefault(f"X-{kind.title()}-" + name[len(remove) :], "")
            if not headers.get(f"X-{kind.title()}-" + name[len(remove) :]):
                found[f"X-{kind.title()}-" + name[len(remove) :]] = ""
    check(prefix, found)
    for name in ("X-Container-Read", "X-Container-Write"):
        if found.get(name):
            found[name] = acls.clean(name, found[name])
    return found


def of_object(headers: Mapping[str, str]) -> dict[str, str]:
    """What is stored with an object from its PUT or POST."""
    found = {
        name: value
        for name, value in headers.items()
        if name.startswith("X-Object-Meta-") or (name in OBJECT_HEADERS and value)
    }
    check("X-Object-Meta-", found)
    return found


def check(prefix: str, headers: Mapping[str, str]) -> None:
    own = {name[len(prefix) :]: value for name, value in headers.items() if name.startswith(prefix)}
    for name, value in own.items():
        if not name:
            raise BadRequest(why="Metadata name cannot be empty")
        if len(name.encode()) > MAX_NAME:
            raise BadRequest(why=f"Metadata name too long: {prefix}{name}")
        if CONTROL.search(value):
            raise BadRequest(why=f"Metadata value with control characters: {prefix}{name}")
        if len(value.encode()) > MAX_VALUE:
            raise BadRequest(why=f"Metadata value longer than {MAX_VALUE}: {prefix}{name}")
    check_total(own)


def check_total(own: Mapping[str, str]) -> None:
    """Raises BadRequest if so many names or so much text is more than one thing may carry."""
    if sum(1 for value in own.values() if value) > MAX_COUNT:
        raise BadRequest(why=f"Too many metadata items; max {MAX_COUNT}")
    if sum(len(name.encode()) + len(value.encode()) for name, value in own.items() if value) > MAX_OVERALL:
        raise BadRequest(why=f"Total metadata too large; max {MAX_OVERALL}")


def visible(kind: str, metadata: Mapping[str, tuple[str, str]], owner: bool) -> Iterable[tuple[str, str]]:
    """Stored headers that a reader is shown; ACLs and keys only an owner."""
    hidden = ("X-Container-Read", "X-Container-Write", "X-Container-Sync-Key", "X-Container-Sync-To")
    secret = f"X-{kind.title()}-Meta-Temp-Url-Key"
    for name, (value, _) in metadata.items():
        if value and "-Sysmeta-" not in name and (owner or not (name in hidden or name.startswith(secret))):
            yield name, value
