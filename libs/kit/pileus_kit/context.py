"""The request or job that the current thread works on: logs, RPC and calls to other services read it."""

import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pileus_kit import decoding

T = TypeVar("T")

request_id: ContextVar[str] = ContextVar("request_id", default="")
arrived_at: ContextVar[datetime | None] = ContextVar("arrived_at", default=None)
"""When the API request arrived that this thread answers."""
work: ContextVar["Work | None"] = ContextVar("work", default=None)
"""The job whose step this thread runs."""


def new_request_id() -> str:
    """Return an id in OpenStack's notation, req-UUID."""
    return f"req-{uuid.uuid4()}"


@dataclass(frozen=True)
class Work:
    """What a step gets to know of its job."""

    id: str
    flow: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)  # what was enqueued, merged with what each step returned
    attempt: int = 1
    request_id: str = ""
    user_id: str | None = None
    project_id: str | None = None
    cancelled: bool = False
    error: str | None = None  # while undoing: why it is undone
    undoing: bool = False
    ends: bool = False  # the flow removes its subject for good

    def data_as(self, kind: type[T]) -> T:
        """The job's data as the flow's own dataclass; keys that it doesn't name are left out.

        Raises msgspec.ValidationError if a value isn't of the declared type.
        """
        return decoding.convert(self.data, kind)
