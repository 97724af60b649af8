"""A flow is an ordered list of steps; a step is one transaction or one remote call, never both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from pileus_kit.context import Work

LocalFn = Callable[[Session, Any, Work], dict[str, Any] | None]
"""(session, the service's tools, the job) -> what to add to the job's data."""
RemoteFn = Callable[[Any, Work], dict[str, Any] | None]
"""(the service's tools, the job) -> what to add to the job's data."""
PATIENCE_S = 600.0
"""Seconds for which a step may go on raising Again before it counts as failed."""


class Again(Exception):
    """Raised by a step that has to wait: it is tried again after `after` seconds, or after growing pauses (None)."""

    def __init__(self, after: float | None = None, why: str = "") -> None:
        self.after, self.why = after, why
        super().__init__(why)


@dataclass(frozen=True)
class Local:
    """One transaction. The job's progress is saved in the same one, so `do` takes effect exactly once."""

    do: LocalFn
    undo: LocalFn | None = None
    patience_s: float = PATIENCE_S

    @property
    def name(self) -> str:
        """The step's name in the database, which is the function's."""
        return self.do.__name__


@dataclass(frozen=True)
class Remote:
    """One call to a peer or an agent. It is made at least once, so `do` is idempotent, and `undo` works even if `do`
    never ran."""

    do: RemoteFn
    undo: RemoteFn | None = None
    patience_s: float = PATIENCE_S

    @property
    def name(self) -> str:
        """The step's name in the database, which is the function's."""
        return self.do.__name__


Step = Local | Remote


class Flow:
    """An operation: its name, its steps, and what happens when it has failed."""

    def __init__(
        self, name: str, *steps: Step, failed: LocalFn | None = None, again: LocalFn | None = None, ends: bool = False
    ) -> None:
        """`failed` runs in the transaction that ends an undone job and sets what its subject is now;
        `work.data["failed"]` is the kind of the error.

        `again` runs before it: if it returns data, the job begins once more with them, from its first step. An agent
        that has undone something of a job does nothing more for it, so the job then has to go to another agent.

        `ends` says that the flow removes its subject for good; agents refuse later calls about it.
        """
        self.name, self.steps, self.failed, self.again, self.ends = name, steps, failed, again, ends
        self.index = {step.name: i for i, step in enumerate(steps)}
        if len(self.index) != len(steps) or not steps:
            raise ValueError(f"flow {name} needs steps with names of their own")
