"""What the answers of an object's or a listing's replicas mean together."""

from typing import TypeVar

from pileus_kit.errors import Unavailable
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.contract import ListingReply, ObjectReply

R = TypeVar("R", ObjectReply, ListingReply)


class QuorumNotReached(Unavailable):
    """Too few devices took a write."""

    text = "Only {got} of {wanted} replicas could be written; try again shortly."


def quorum(placement: Placement) -> int:
    """More than half of the replicas."""
    return sum(len(own) for _, own, _ in placement.hosts) // 2 + 1


def agreed(replies: list[R], placement: Placement) -> R:
    """Success if a quorum of devices took the write, else the most frequent refusal. Raises QuorumNotReached."""
    wanted = quorum(placement)
    groups: dict[int, list[R]] = {}
    for reply in replies:
        groups.setdefault(200 if reply.status < 300 else reply.status, []).append(reply)
    good = groups.pop(200, [])
    got = len({(number, device) for number, reply in enumerate(good) for device in reply.devices})
    if got >= wanted:
        return max(good, key=lambda reply: reply.status == 201)
    for failed in [status for status in groups if status >= 500]:
        del groups[failed]
    if 404 in groups and good and got + sum(len(reply.devices) for reply in groups[404]) >= wanted:
        return good[0]
    if groups:
        return max(groups.values(), key=len)[0]
    raise QuorumNotReached(got=got, wanted=wanted)
