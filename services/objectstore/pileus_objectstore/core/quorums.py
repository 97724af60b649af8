"""What the replies of an object's or a listing's replicas mean together."""

from typing import TypeVar

from pileus_kit.errors import CloudError, PreconditionFailed, Unavailable
from pileus_objectstore.errors import ClientGone, ObjectTooLarge, Unprocessable
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


def check_stored(reply: ObjectReply) -> ObjectReply:
    """The reply to a PUT: status 201, or 409 if a newer version was there, so that this one was replaced at once.

    Raises PreconditionFailed, ObjectTooLarge, Unprocessable, ClientGone or Unavailable.
    """
    if reply.status in (201, 409):
        return reply
    raise _refusal(reply)


def _refusal(reply: ObjectReply) -> CloudError:
    if reply.status == 412:
        return PreconditionFailed(why="There is such an object already.")
    if reply.status == 413:
        return ObjectTooLarge()
    if reply.status == 422:
        return Unprocessable(why="The body's MD5 is not what the ETag header says.")
    if reply.status == 499:
        return ClientGone()
    return Unavailable(why=reply.why or "The object could not be stored; try again shortly.")
