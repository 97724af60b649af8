"""What users read about a failure: sentences written for them, without internals of the machine."""

import re

from pileus_kit import context
from pileus_kit.errors import CloudError

MAX_CHARACTERS = 2000
STATEMENT = re.compile(r"\s{0,9}\[(SQL|parameters): .*|\s{0,9}\(Background on this error at: .*", re.DOTALL)
"""The SQL that SQLAlchemy appends to a driver's message."""
CLASS = re.compile(r"\(?\b(?:[a-z_][\w.]{0,99}\.)?[A-Z]\w{0,79}?(?:Error|Exception|Errno)\b\)?(?:: ?| at (?=http))?")
ERRNO = re.compile(r"\[Errno -?\d+\] ?")
PATH = re.compile(r"(?<![\w.:/\\-])/(?!dev/|v\d)(?:[^\s/'\":,;()\[\]]+/)+")
"""The directories of an absolute path. Device names (/dev/vdb) and paths of APIs (/v2.0/ports) stay."""


class Unexpected(CloudError):
    """Stands for an error without a sentence for users; the log has its traceback."""

    text = "Something unexpected happened; the log has its cause{under}."


def user_message(err: BaseException) -> str:
    """Return the sentence of an error for users: a refusal's own, or that something unexpected happened."""
    # flow.Again isn't a CloudError, but its sentence is written for users, too
    if isinstance(err, CloudError) or hasattr(err, "why"):
        return without_internals(str(err))
    request_id = context.request_id.get()
    return str(Unexpected(under=f" under {request_id}" if request_id else ""))


def without_internals(text: str) -> str:
    """Return the text without SQL, names of classes, error numbers and directories."""
    text = text[: 4 * MAX_CHARACTERS]  # what follows would be cut off anyway
    for pattern in (STATEMENT, CLASS, ERRNO, PATH):
        text = pattern.sub("", text)
    return text.strip()[:MAX_CHARACTERS]
