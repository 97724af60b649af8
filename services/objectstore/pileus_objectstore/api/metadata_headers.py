"""Changing accounts and containers: what several calls do to their heads."""

from pileus_kit.errors import Conflict, NotFound
from pileus_objectstore.api.authorization import stated
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import metadata
from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import (
    DeleteListing,
    HostReplicas,
    ListingHost,
    ListingReply,
    PutListing,
    timestamp,
)


def put_account(tools: Tools, target: Target, values: dict[str, str]) -> ListingReply:
    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PutListing:
        return PutListing("account", replicas, target.path, stamp, values)

    stamp = timestamp(tools.now())
    reply = tools.cluster.write("put_listing", tools.cluster.rings.placement(target.account), None, ListingReply, make)
    tools.listing_cache.forget(target)
    return reply


def create_container(tools: Tools, request: Request, target: Target, values: dict[str, str]) -> ListingReply:
    """Make a container, and its account if this is the first."""
    about = stated(tools, request, target.parent)
    if about:
        put_account(tools, target.parent, about)
    return change_container(tools, target, values, create=True)


def change_container(tools: Tools, target: Target, values: dict[str, str], *, create: bool) -> ListingReply:
    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PutListing:
        return PutListing("container", replicas, target.path, stamp, values, listing_hosts, create)

    stamp, rings = timestamp(tools.now()), tools.cluster.rings
    reply = tools.cluster.write(
        "put_listing", rings.placement(*target.names), rings.placement(target.account), ListingReply, make
    )
    tools.listing_cache.forget(target)
    return reply


def remove_container(tools: Tools, target: Target) -> ListingReply:
    stamp, rings = timestamp(tools.now()), tools.cluster.rings

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteListing:
        return DeleteListing("container", replicas, target.path, stamp, listing_hosts)

    placement, account = rings.placement(*target.names), rings.placement(target.account)
    reply = tools.cluster.write("delete_listing", placement, account, ListingReply, make)
    tools.listing_cache.forget(target)
    return reply


def check_total(tools: Tools, target: Target, values: dict[str, str]) -> None:
    """Many small changes must not add up to more metadata than one may have."""
    info = tools.listing_cache.get(target, fresh=True) if values else None
    if info is None:
        return
    prefix = f"X-{target.kind.title()}-Meta-"
    stored = {name: value for name, (value, _) in info.metadata.items()} | values
    metadata.check_total({name[len(prefix) :]: value for name, value in stored.items() if name.startswith(prefix)})


def answered(reply: ListingReply) -> Response:
    """What a change of a listing came to."""
    if reply.status == 404:
        raise NotFound(why="The resource could not be found.")
    if reply.status == 409:
        raise Conflict(why="There was a conflict when trying to complete your request.")
    return Response(reply.status)
