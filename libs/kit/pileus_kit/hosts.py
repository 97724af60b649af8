"""Rows of hosts and other processes that report: when they were last seen, and whether they are up.

A service's model takes the columns and its core asks for the rest:

    class Host(SeenColumns, Model):
        __tablename__ = "hosts"
        name: Mapped[str] = mapped_column(String(255), primary_key=True)

    hosts.mark_seen(host)                          # in the transaction of its report
    hosts.is_up(host, config.host_silence_s)
    hosts.reason_down(host, config.host_silence_s) # for a scheduler that says why it chose no host

A host with a column `forced_down` (the model takes ForcedDownColumns) is down for as long as an operator says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import ColumnElement, Select, and_
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from pileus_kit.db import Utc, now
from pileus_kit.liveness import awake_clock, is_silent

Row = TypeVar("Row")


class Seen(Protocol):
    """A row with the time of the last report."""

    seen_at: datetime


class SeenColumns:
    """`seen_at` is the time of the last report, by the clock of the process that received it."""

    seen_at: Mapped[datetime] = mapped_column(Utc, default=now)


class ForcedDownColumns(SeenColumns):
    """`forced_down` is set by an operator: nothing is placed on the host, however well it reports."""

    forced_down: Mapped[bool] = mapped_column(default=False)


def mark_seen(row: Seen) -> None:
    """Note that this host or process has just reported."""
    row.seen_at = now()


def is_forced_down(row: Seen) -> bool:
    """Whether an operator declared the host down."""
    return bool(getattr(row, "forced_down", False))


def is_up(row: Seen, silence_s: float) -> bool:
    """Whether the host reported within the last `silence_s` seconds and no operator declared it down.

    A process that has just started or slept can't know yet who is silent: to it, hosts are up (see `liveness`).
    """
    return not is_forced_down(row) and not is_silent(row.seen_at, timedelta(seconds=silence_s))


def up_condition(model: type[ForcedDownColumns], silence_s: float) -> ColumnElement[bool]:
    """Return `is_up` as a condition for the database, by this process's clock."""
    if awake_clock.seconds() < silence_s:
        return model.forced_down.is_(False)
    patience = timedelta(seconds=silence_s)
    return and_(model.forced_down.is_(False), model.seen_at.between(now() - patience, now() + patience))


def reason_down(row: Seen, silence_s: float) -> str | None:
    """Return why the host is down, as the end of a sentence that begins with its name; None if it is up."""
    if is_forced_down(row):
        return "is down"
    if is_up(row, silence_s):
        return None
    return f"has not been heard of since {row.seen_at:%H:%M:%S}"


@dataclass(frozen=True)
class KnownHost:
    """A host of a service; `silence` says why it counts as down, as the end of a sentence, and is None if it is up."""

    name: str
    silence: str | None


@dataclass(frozen=True)
class HostPage:
    """Which hosts are asked for: those after `marker` in the order of names, or the one called `host`."""

    marker: str
    limit: int
    host: str

    def of(self, query: Select[Row], name: InstrumentedAttribute[str]) -> Select[Row]:
        """Return the query for the page's rows; `name` is the column with the host's name."""
        if self.host:
            query = query.where(name == self.host)
        return query.where(name > self.marker).order_by(name).limit(self.limit)
