"""What this service refuses, and why."""

from pileus_kit.errors import BadRequest, CloudError, TooLarge, Transient


class RingRefused(BadRequest):
    text = "The ring can't be changed so: {why}."


class BadPath(CloudError):
    status = 412
    text = "{why}"


class DeviceFailed(Transient):
    """A disk that is not there, full, read-only or broken."""

    status = 507
    text = "Device {device} can't be used: {why}"


class Damaged(CloudError):
    """Bytes on a disk are not what was written. The file has to be put into quarantine."""

    text = "{path} is damaged: {why}"


class Unprocessable(CloudError):
    status = 422
    text = "{why}"


class NotOffered(CloudError):
    """A feature of Swift that clients may ask for, and that this store has not."""

    status = 501
    text = "{what} is not offered; see /info."


class QuotaExceeded(TooLarge):
    """One more object, or one so large, would exceed the container's or the account's quota."""

    text = "Upload exceeds quota."


class ObjectTooLarge(TooLarge):
    """The body was longer than the request allowed."""

    text = "The object is too large, or exceeds a quota."


class ClientGone(CloudError):
    """The client closed the connection before its body ended."""

    status = 499
    text = "The client went away."
