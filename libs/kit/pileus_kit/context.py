"""What the current thread is working on: read by logs, RPC and calls to other services."""

import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pileus_kit import decoding

T = TypeVar("T")

request_id: ContextVar[str] = ContextVar("request_id", default="")
arrived_at: ContextVar[datetime | None] = ContextVar("arrived_at", default=None)
"""When the API request came in that this thread answers."""
work: ContextVar["Work | None"] = ContextVar("work", default=None)


def new_request_id() -> str:
    return f"req-{uuid.uuid4()}"


@dataclass(frozen=True)
class Work:
    """What a step sees of its job."""

    id: str
    flow: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)  # what was enqueued, merged with what each step returned
    attempt: int = 1
    request_id: str = ""
    user_id: str | None = None
    project_id: str | None = None
    cancelled: bool = False
    error: str | None = None  # while undoing: why
    undoing: bool = False
    ends: bool = False  # when it is done, there will never again be anything of its subject

    def data_as(self, kind: type[T]) -> T:
        """The job's data as the flow's own dataclass; keys that it doesn't name are left out.

        Raises msgspec.ValidationError if a value isn't of the declared type.
        """
        return decoding.convert(self.data, kind)
