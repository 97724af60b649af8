"""A body that is too long for one message, on its way to several storage hosts at once."""

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.replica_plans import assign_listing_hosts, write_plan
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.client import Exchange
from pileus_objectstore.wire.contract import Footers, ObjectReply, PutObject

if TYPE_CHECKING:
    from pileus_objectstore.core.cluster import Cluster

log = logging.getLogger(__name__)


class Upload:
    """Sends one body to all hosts of a placement. A host that fails on the way is left out from then on."""

    def __init__(self, cluster: "Cluster", placement: Placement, listing: Placement, request: PutObject) -> None:
        self._cluster = cluster
        self._open: list[Exchange] = []
        self._replies: list[ObjectReply] = []
        self._sent = 0
        down = cluster.hosts_to_avoid(placement)
        while True:
            plan = write_plan(placement, down)
            listing_hosts = assign_listing_hosts(listing, [host for host, _ in plan])
            try:
                for host, replicas in plan:
                    own = msgspec.structs.replace(request, replicas=replicas, listing_hosts=listing_hosts[host])
                    size = -1 if request.footers else request.size
                    self._open.append(cluster.pool.open(host, "put_object", own, size))
                break
            except HostDown as e:
                log.warning("%s", e)
                self.drop()
                cluster.avoid(host)
                down.add(host)
        for exchange in list(self._open):
            self._try(exchange, exchange.start)

    def send(self, piece: bytes) -> None:
        """Send the next piece to every host that still takes the body. Raises Unavailable if none does."""
        self._sent += len(piece)
        for exchange in list(self._open):
            if exchange.has_answered():
                self._receive(exchange)
            else:
                self._try(exchange, partial(exchange.send, piece))
        if not self._open and not any(reply.status >= 400 for reply in self._replies):
            raise Unavailable(why="No storage host took the object; try again shortly.")

    def finish(self, footers: Footers | None) -> list[ObjectReply]:
        """End the body on every host and collect the replies."""
        trailer = msgspec.json.encode(footers) if footers else b""
        for exchange in list(self._open):
            self._try(exchange, partial(exchange.finish, trailer))
        for exchange in list(self._open):
            exchange.extend_timeout(self._sent)
            self._receive(exchange)
        return self._replies

    def drop(self) -> None:
        """Close the connections of hosts that have not received the whole body; they discard what they have."""
        for exchange in self._open:
            exchange.drop()
        self._open.clear()

    def _receive(self, exchange: Exchange) -> None:
        self._open.remove(exchange)
        try:
            reply, body = exchange.reply(ObjectReply)
        except HostDown as e:
            log.warning("%s", e)
            self._cluster.avoid(exchange.host)
            return
        self._replies.append(reply)
        if reply.status == 201:
            exchange.done(body)
        else:
            exchange.drop()

    def _try(self, exchange: Exchange, act: Callable[[], object]) -> None:
        try:
            act()
        except HostDown as e:
            log.warning("%s", e)
            self._open.remove(exchange)
            self._cluster.avoid(exchange.host)
