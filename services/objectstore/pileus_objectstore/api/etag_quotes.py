"""ETags of objects in quotes, as RFC 9110 wants them, where a container's or an account's owner asks for that.

Swift's ETags have none, and clients compare them with MD5s; so it is a setting: X-Container-Rfc-Compliant-Etags, and
X-Account-Rfc-Compliant-Etags for containers that don't say.
"""

from collections.abc import Mapping

from pileus_objectstore.api.http import Response
from pileus_objectstore.core.metadata import TRUE
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools

HEADERS = {kind: f"X-{kind.title()}-Rfc-Compliant-Etags" for kind in ("account", "container")}
STORED = {kind: f"X-{kind.title()}-Sysmeta-Rfc-Compliant-Etags" for kind in ("account", "container")}


def changes(kind: str, headers: Mapping[str, str]) -> dict[str, str]:
    """What a POST or PUT of an account or container changes of the setting; '' removes it."""
    given = headers.get(HEADERS[kind])
    if given is None:
        return {STORED[kind]: ""} if HEADERS[kind].replace("X-", "X-Remove-", 1) in headers else {}
    return {STORED[kind]: str(given.lower() in TRUE) if given else ""}


def shown(kind: str, stored: Mapping[str, tuple[str, str]]) -> list[tuple[str, str]]:
    """The setting as a HEAD shows it; none if it is not set."""
    value = stored.get(STORED[kind], ("", ""))[0]
    return [(HEADERS[kind], value)] if value else []


def adapt(tools: Tools, target: Target, response: Response) -> None:
    """Quote the ETag of an object's answer if the setting says so."""
    etag = response.get("Etag")
    if etag and not etag.startswith(('"', 'W/"')) and _is_asked(tools, target):
        response.set("Etag", f'"{etag}"')


def _is_asked(tools: Tools, target: Target) -> bool:
    for holder in (target.parent, Target(target.account)):
        info = tools.listing_cache.get(holder)
        setting = info.value(STORED[holder.kind]) if info else ""
        if setting:
            return setting == "True"
    return False
