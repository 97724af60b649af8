"""Rules that the heads of accounts and containers share."""

from collections.abc import Mapping

from pileus_kit.errors import Conflict, NotFound
from pileus_objectstore.core import metadata
from pileus_objectstore.core.names import CONFLICT, NOT_FOUND, Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import HostReplicas, ListingHost, ListingReply, PutListing, timestamp


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
        raise Conflict(why=CONFLICT)
    return reply


def put_container(
    tools: Tools, target: Target, changes: dict[str, str], *, policy: int | None = None, fixed: bool = False
) -> ListingReply:
    """Create the container with a storage policy, or only change it if `policy` is None.

    `fixed`: it may not exist with another policy.
    """
    stamp, rings, create = timestamp(tools.now()), tools.cluster.rings, policy is not None
    given = policy or 0

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PutListing:
        return PutListing(
            "container", replicas, target.path, stamp, changes, listing_hosts, create, given, given if fixed else -1
        )

    placement, account = rings.placement(*target.names), rings.placement(target.account)
    reply = tools.cluster.write("put_listing", placement, account, ListingReply, make)
    tools.listing_cache.forget(target)
    return reply
