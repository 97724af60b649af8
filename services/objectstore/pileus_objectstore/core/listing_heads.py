"""Rules that the heads of accounts and containers share."""

from collections.abc import Mapping

from pileus_kit.errors import Conflict, NotFound
from pileus_objectstore.core import metadata
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingReply


def check_total(tools: Tools, target: Target, changes: Mapping[str, str]) -> None:
    """Raise BadRequest if stored and changed metadata together exceed the limits, as many small changes could."""
    info = tools.listing_cache.get(target, fresh=True) if changes else None
    if info is None:
        return
    prefix = f"X-{target.kind.title()}-Meta-"
    stored = {name: value for name, (value, _) in info.metadata.items()} | dict(changes)
    metadata.check_total({name[len(prefix) :]: value for name, value in stored.items() if name.startswith(prefix)})


def check_reply(reply: ListingReply) -> ListingReply:
    """Raise what the storage hosts refused: NotFound, or Conflict for a listing that is not empty."""
    if reply.status == 404:
        raise NotFound(why=NOT_FOUND)
    if reply.status == 409:
        raise Conflict(why="There was a conflict when trying to complete your request.")
    return reply
