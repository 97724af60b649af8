"""The errors of this service."""

from pileus_kit.errors import BadRequest, CloudError, TooLarge, Transient, Unauthorized


class RingRefused(BadRequest):
    """A change of a ring is impossible."""

    text = "This change of the ring is not possible: {why}."


class ShortRefusal(CloudError):
    """An error that Swift answers by its sentence alone, without a page around it."""


class AccountReadOnly(ShortRefusal):
    """A write in an account that may only be read."""

    status = 405
    text = "Writes are disabled for this account."


class RateLimited(ShortRefusal):
    """The next turn of the account or container is too far away; after `retry_after` seconds there is one."""

    status = 498
    text = "Slow down"

    def __init__(self, seconds: int) -> None:
        self.retry_after = seconds
        super().__init__()


class Blacklisted(ShortRefusal):
    """An operator has locked the account out."""

    status = 497
    text = "Your account has been blacklisted"


class SyncRefused(Unauthorized):
    """A request of container sync is not signed with keys that count here. Which of them is wrong isn't told."""

    text = (
        "X-Container-Sync-Auth is not valid: the realm and one of its keys, the container's X-Container-Sync-Key, and "
        "the path must be the same on both sides."
    )


class BadPath(CloudError):
    """A path or name that is not well-formed."""

    status = 412
    text = "{why}"


class NameTooLong(BadRequest):
    """The name of an account, container or object is too long."""

    text = "{what} name length of {size} longer than {max_bytes}"


class DeviceFailed(Transient):
    """A disk that is not mounted, full, read-only or broken."""

    status = 507
    text = "Device {device} can't be used: {why}"


class Damaged(CloudError):
    """Bytes on a disk are not those that were written. The file has to be moved to quarantine."""

    text = "{path} is damaged: {why}"


class Unprocessable(CloudError):
    """The body doesn't have the checksum that the request states."""

    status = 422
    text = "{why}"


class ObjectLocked(CloudError):
    """A version that a retention or a legal hold protects."""

    status = 403
    text = "The version is locked until {until}, or until its legal hold is taken off."


class QuotaExceeded(TooLarge):
    """One more object, or one so large, would exceed the container's or the account's quota."""

    text = "{why}"


class ObjectTooLarge(TooLarge):
    """The body was longer than the request allowed."""

    text = "The object is too large, or exceeds a quota."


class ClientGone(CloudError):
    """The client closed the connection before its body ended."""

    status = 499
    text = "The client went away."
