"""What users read of a failure: sentences that were written for them, and nothing of the machine underneath."""

import re

from pileus_kit import context
from pileus_kit.errors import CloudError

LONGEST = 2000
STATEMENT = re.compile(r"\s{0,9}\[(SQL|parameters): .*|\s{0,9}\(Background on this error at: .*", re.DOTALL)
"""What SQLAlchemy appends to a driver's sentence."""
CLASS = re.compile(r"\(?\b(?:[a-z_][\w.]{0,99}\.)?[A-Z]\w{0,79}?(?:Error|Exception|Errno)\b\)?(?:: ?| at (?=http))?")
ERRNO = re.compile(r"\[Errno -?\d+\] ?")
PATH = re.compile(r"(?<![\w.:/\\-])/(?!dev/|v\d)(?:[^\s/'\":,;()\[\]]+/)+")
"""The directories of an absolute path. Device names (/dev/vdb) and paths of APIs (/v2.0/ports) are for users."""


class Unexpected(CloudError):
    """Stands for a failure that nobody foresaw; the log has its traceback."""

    text = "Something unexpected happened; the log has its cause{under}."


def user_message(err: BaseException) -> str:
    """The sentence of `err` for a user: a refusal's own, or that something unexpected happened."""
    # flow.Again isn't a CloudError, but its sentence is written by a step for whoever waits
    if isinstance(err, CloudError) or hasattr(err, "why"):
        return without_internals(str(err))
    request_id = context.request_id.get()
    return str(Unexpected(under=f" under {request_id}" if request_id else ""))


def without_internals(text: str) -> str:
    """`text` without statements, names of classes, error numbers and directories of this machine."""
    text = text[: 4 * LONGEST]  # nobody reads more
    for pattern in (STATEMENT, CLASS, ERRNO, PATH):
        text = pattern.sub("", text)
    return text.strip()[:LONGEST]
