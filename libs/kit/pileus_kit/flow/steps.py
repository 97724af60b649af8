"""A flow is an ordered list of steps; a step is one transaction or one remote call, never both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from pileus_kit.context import Work

LocalFn = Callable[[Session, Any, Work], dict[str, Any] | None]
RemoteFn = Callable[[Any, Work], dict[str, Any] | None]
PATIENCE = 600.0  # seconds that a step may go on saying Again before it counts as failed


class Again(Exception):
    """Raised by a step that must wait: tried again `after` seconds (None: growing pauses)."""

    def __init__(self, after: float | None = None, why: str = "") -> None:
        self.after, self.why = after, why
        super().__init__(why)


@dataclass(frozen=True)
class Local:
    """One transaction: `do` gets its session, and the job's progress is saved in it, so it happens exactly once."""

    do: LocalFn
    undo: LocalFn | None = None
    patience: float = PATIENCE

    @property
    def name(self) -> str:
        return self.do.__name__


@dataclass(frozen=True)
class Remote:
    """One call to somebody else: at least once, so `do` is idempotent; `undo` accepts that do never happened."""

    do: RemoteFn
    undo: RemoteFn | None = None
    patience: float = PATIENCE

    @property
    def name(self) -> str:
        return self.do.__name__


Step = Local | Remote


class Flow:
    """`failed(session, tools, work)` runs in the transaction that ends an undone job: what the subject is now.
    `again`, if there is one, is asked before: the data that it returns are what the job begins with once more, from its
    first step; None lets it end. `work.data["failed"]` is the kind of the error. An agent that has undone something of
    a job does nothing more for it, so the job must go to another one. `ends`: it
    takes its subject away for good, and agents refuse whatever is asked of them about it later."""

    def __init__(
        self, name: str, *steps: Step, failed: LocalFn | None = None, again: LocalFn | None = None, ends: bool = False
    ) -> None:
        self.name, self.steps, self.failed, self.again, self.ends = name, steps, failed, again, ends
        self.index = {step.name: i for i, step in enumerate(steps)}
        if len(self.index) != len(steps) or not steps:
            raise ValueError(f"flow {name} needs steps with names of their own")
