"""The `jobs` and `events` tables of a service, and what its core does with them: enqueue, cancel, look up.

class Job(JobColumns, Model):
    __tablename__ = "jobs"

job = enqueue(session, Job, flow="server.create", subject=server.id, data=…, caller=caller)
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Index, String, Text, bindparam, case, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from pileus_kit import context
from pileus_kit.db import Json, Utc, new_id, now
from pileus_kit.errors import Conflict

LIVE = ("running", "undoing", "stuck")
"""States of jobs that a worker has to do something about."""
REST = ("done", "undone")
"""States of jobs that have ended."""


class Busy(Conflict):
    """Another job of the subject hasn't ended."""

    text = "{subject} is busy: {flow} is not finished"


class Requester(Protocol):
    """A caller, or whatever else stands for the user on whose behalf a job runs."""

    @property
    def user_id(self) -> str | None: ...

    @property
    def project_id(self) -> str | None: ...


class Columns:
    """The base of both tables' columns."""

    if TYPE_CHECKING:  # the service's declarative base brings this constructor

        def __init__(self, **values: Any) -> None: ...


class JobColumns(Columns):
    """The columns of `jobs`. A job is also the record of a user's action: who asked for what, when, how it ended."""

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    flow: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(8), default="running")  # running undoing stuck | done undone
    step: Mapped[str] = mapped_column(String(64), default="")  # the step to do or undo next; "" is the first one
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    owner: Mapped[str | None] = mapped_column(String(128), default=None)
    lease_until: Mapped[float] = mapped_column(default=0.0)  # epoch seconds
    run_at: Mapped[float] = mapped_column(default=0.0)  # not before; epoch seconds
    waiting_since: Mapped[float | None] = mapped_column(default=None)  # the first Again of this step; epoch seconds
    tries: Mapped[int] = mapped_column(default=0)  # how often this step raised Again
    attempt: Mapped[int] = mapped_column(default=0)  # fence: grows with each claim
    cancelled: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(Text, default=None)
    request_id: Mapped[str] = mapped_column(String(64), default="", index=True)
    user_id: Mapped[str | None] = mapped_column(String(64), default=None)
    project_id: Mapped[str | None] = mapped_column(String(64), default=None)
    arrived_at: Mapped[datetime | None] = mapped_column(Utc, default=None)  # when the API request came that enqueued it
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime] = mapped_column(Utc, default=now)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index, ...]:
        return job_indexes(cls.__tablename__)  # type: ignore[attr-defined]


class EventColumns(Columns):
    """The columns of `events`: a row for each step that ended, with its time and cause."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(String(36), index=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    flow: Mapped[str] = mapped_column(String(64))
    step: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(8))  # done failed waiting undone stuck
    cause: Mapped[str | None] = mapped_column(Text, default=None)
    request_id: Mapped[str] = mapped_column(String(64), default="", index=True)
    worker: Mapped[str] = mapped_column(String(128), default="")
    started_at: Mapped[datetime] = mapped_column(Utc, default=now)
    finished_at: Mapped[datetime] = mapped_column(Utc, default=now)
    spans: Mapped[list[Any] | None] = mapped_column(Json, default=None)  # see pileus_kit.spans


def job_indexes(table: str) -> tuple[Index, ...]:
    """Return the partial indexes of a table of jobs: one live job for each subject, and the live jobs by time."""
    alive = text("state IN ('running', 'undoing', 'stuck')")
    return (
        Index(f"{table}_one_live", "subject", unique=True, sqlite_where=alive, postgresql_where=alive),
        Index(f"{table}_due", "run_at", "lease_until", sqlite_where=alive, postgresql_where=alive),
    )


J = TypeVar("J", bound=JobColumns)


def alive(table: type[JobColumns]) -> ColumnElement[bool]:
    """Return the condition that a job is live, in the very words of the partial indexes: with others, SQLite would not
    use them and read all jobs that ever were."""
    return table.state.in_(bindparam("live", LIVE, expanding=True, literal_execute=True, unique=True))


def enqueue(
    session: Session,
    table: type[J],
    *,
    flow: str,
    subject: str,
    data: dict[str, Any] | None = None,
    caller: Requester | None = None,
    request_id: str | None = None,
) -> J:
    """Add a job in the transaction that accepts the request. Raises Busy if another job of the subject is live."""
    session.flush()
    job = table(
        id=new_id(),
        flow=flow,
        subject=subject,
        data=data or {},
        request_id=context.request_id.get() if request_id is None else request_id,
        arrived_at=context.arrived_at.get(),
        user_id=caller.user_id if caller else None,
        project_id=caller.project_id if caller else None,
    )
    session.add(job)
    try:
        session.flush()
    except IntegrityError:
        raise Busy(subject=subject, flow=flow) from None
    return job


def cancel(session: Session, table: type[JobColumns], subject: str, why: str) -> bool:
    """Switch the subject's running job to undoing, from the step where it is. Returns False if none was running."""
    hit = session.execute(
        update(table)
        .where(table.subject == subject, table.state == "running")
        .values(state="undoing", cancelled=True, error=why, run_at=0.0, waiting_since=None, tries=0, updated_at=now())
    )
    return bool(hit.rowcount)  # type: ignore[attr-defined]


def live(session: Session, table: type[J], subject: str) -> J | None:
    """Return the subject's live job, if it has one."""
    return session.scalar(select(table).where(table.subject == subject, alive(table)))


def due(session: Session, table: type[JobColumns], at: float, limit: int) -> list[str]:
    """Return the ids of jobs whose time has come and that no worker holds, those that wait longest first."""
    return list(
        session.scalars(
            select(table.id)
            .where(alive(table), table.run_at <= at, table.lease_until < at)
            .order_by(table.run_at)
            .limit(limit)
        )
    )


def any_alive(session: Session, table: type[JobColumns]) -> bool:
    """Whether any job is live."""
    return session.scalar(select(table.id).where(alive(table)).limit(1)) is not None


def claim(session: Session, table: type[J], job_id: str, owner: str, at: float, lease_s: float) -> J | None:
    """Take the job for `lease_s` seconds. Returns None if another worker holds it, it has ended, or its time hasn't
    come."""
    return session.scalar(
        update(table)
        .where(table.id == job_id, alive(table), table.run_at <= at, or_(table.owner.is_(None), table.lease_until < at))
        .values(
            owner=owner,
            lease_until=at + lease_s,
            attempt=table.attempt + 1,
            state=case((table.state == "stuck", "undoing"), else_=table.state),
        )
        .returning(table)
        .execution_options(synchronize_session=False)
    )
