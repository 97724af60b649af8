"""Swift's headers that set, remove and show metadata."""

from collections.abc import Callable, Iterable, Mapping

from pileus_kit.errors import BadRequest
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api import etag_quotes
from pileus_objectstore.core import account_acls, accounts, acls, metadata, object_versioning
from pileus_objectstore.core.listing import VERSIONING
from pileus_objectstore.core.metadata import TRUE

MAX_DELETE_AT = 9_999_999_999  # later times become this one, as in Swift
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
OWNERS_HEADERS = ("X-Container-Read", "X-Container-Write", "X-Container-Sync-Key", "X-Container-Sync-To")


def account_changes(headers: Mapping[str, str], policy_quotas: Mapping[str, str]) -> dict[str, str]:
    """The metadata that a request sets (a value) or removes (''). Raises BadRequest.

    `policy_quotas` are headers of storage policies' quotas, and the names under which they are stored.
    """
    given = dict(headers)
    quotas = {stored: given[header] for header, stored in policy_quotas.items() if header in given}
    quotas |= {stored: "" for header, stored in policy_quotas.items() if header.replace("X-", "X-Remove-", 1) in given}
    for header in policy_quotas:
        given.pop(header.replace("X-", "X-Remove-", 1), None)
    for name in list(given):
        if name in ("X-Account-Quota-Bytes", "X-Account-Quota-Count"):
            given[name.replace("Quota", "Meta-Quota")] = given.pop(name)
        elif name in ("X-Remove-Account-Quota-Bytes", "X-Remove-Account-Quota-Count"):
            given[name.replace("Account-Quota", "Account-Meta-Quota")] = given.pop(name)
    others = {name: given[name] for name in accounts.LIMITS if name in given}
    if account_acls.HEADER in given:
        others[account_acls.STORED] = account_acls.clean(given[account_acls.HEADER])
    elif account_acls.HEADER.replace("X-", "X-Remove-", 1) in given:
        others[account_acls.STORED] = ""
    return _changes("account", given) | quotas | others


def container_changes(headers: Mapping[str, str], *, owner: bool) -> dict[str, str]:
    """The metadata that a request sets (a value) or removes (''). Raises BadRequest.

    As in Swift, ACLs and keys are ignored that others than owners send.
    """
    if not owner:
        headers = {name: value for name, value in headers.items() if not is_of_owners("container", _added(name))}
    changes = _changes("container", headers)
    if "X-Versions-Enabled" in headers:
        enabled = headers["X-Versions-Enabled"].lower() in TRUE
        changes[VERSIONING] = object_versioning.ENABLED if enabled else object_versioning.DISABLED
    for name in ("X-Container-Read", "X-Container-Write"):
        if changes.get(name):
            changes[name] = acls.clean(name, changes[name])
    return changes


def object_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """What a PUT or POST stores with an object, but for its Content-Type. Raises BadRequest."""
    kept = {
        name: value
        for name, value in headers.items()
        if name.startswith("X-Object-Meta-") or (name in OBJECT_HEADERS and value)
    }
    metadata.check("X-Object-Meta-", kept)
    return kept


def delete_at(now: Callable[[], float], after: str, at: str) -> int:
    """Epoch seconds of X-Delete-After (which wins) or X-Delete-At; 0 for never. Raises BadRequest for the past."""
    if not after and not at:
        return 0
    name, text = ("X-Delete-After", after) if after else ("X-Delete-At", at)
    number = parse_whole_number(text.removeprefix("-"))
    if number is None:
        raise BadRequest(why=f"Non-integer {name}")
    moment = int(now()) + number if after else number
    if text.startswith("-") or moment <= now():
        raise BadRequest(why=f"{name} in past")
    return min(moment, MAX_DELETE_AT)


def visible(kind: str, stored: Mapping[str, tuple[str, str]], owner: bool) -> Iterable[tuple[str, str]]:
    """The stored headers that a reader is shown. ACLs and keys are shown to owners only."""
    for name, (value, _) in stored.items():
        if value and "-Sysmeta-" not in name and (owner or not is_of_owners(kind, name)):
            yield name, value
    yield from etag_quotes.shown(kind, stored)


def is_of_owners(kind: str, name: str) -> bool:
    """Whether only owners set and see a header: ACLs and keys, with which one gives rights to others."""
    return name in OWNERS_HEADERS or name.startswith(f"X-{kind.title()}-Meta-Temp-Url-Key")


def _added(name: str) -> str:
    """The header that one removes, or the header itself."""
    return name.replace("X-Remove-", "X-", 1)


def _changes(kind: str, headers: Mapping[str, str]) -> dict[str, str]:
    prefix = f"X-{kind.title()}-Meta-"
    remove = f"X-Remove-{kind.title()}-"
    changes = {
        name: value
        for name, value in headers.items()
        if name.startswith(prefix) or (kind == "container" and name in CONTAINER_HEADERS)
    }
    for name in headers:
        if name.startswith(remove):
            removed = f"X-{kind.title()}-" + name[len(remove) :]
            if not headers.get(removed) and (removed.startswith(prefix) or removed in CONTAINER_HEADERS):
                changes[removed] = ""
    metadata.check(prefix, changes)
    return changes | etag_quotes.changes(kind, headers)
