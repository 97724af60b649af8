"""What the other end of a call can answer instead of a result."""

import errno
import os

from pileus_kit.errors import CloudError, OutOfSpace, Transient


class Refused(CloudError):
    """The other end refused the call with a sentence; `kind` is the name of its error."""

    status = 409
    text = "{why}"

    def __init__(self, kind: str, why: str, status: int = 409) -> None:
        self.kind, self.status = kind, status
        super().__init__(why=why)


class RefusedForNow(Refused, Transient):
    """The other end refused the call with a Transient error; a flow waits and tries the same step again."""


class NotAdmitted(CloudError):
    """The caller's account may not make this call, or may not speak for that host."""

    status = 403
    text = "{why}"


class RemoteFailure(Exception):
    """The other end failed because of a bug; its log has the traceback under our request id."""


def refusal_of(err: Exception) -> CloudError | None:
    """Return the refusal that an error on this end is for the caller: its own sentence, or that there is no space left.
    None if it is a bug."""
    is_full = isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_full or (isinstance(err, CloudError) and err.status >= 500 and os.strerror(errno.ENOSPC) in str(err)):
        return OutOfSpace()
    return err if isinstance(err, CloudError) else None
