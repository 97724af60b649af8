"""What this service refuses, and why."""

from pileus_kit.errors import BadRequest, CloudError, Conflict, Transient


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


class Superseded(Conflict):
    text = "A newer version of {name} is stored already."


class Unprocessable(CloudError):
    status = 422
    text = "{why}"


class NotOffered(CloudError):
    """A feature of Swift that clients may ask for, and that this store has not."""

    status = 501
    text = "{what} is not offered; see /info."
