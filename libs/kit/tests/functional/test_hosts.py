"""Rows of hosts: when they count as up."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit import hosts
from pileus_kit.db import Sessions, now


class Model(DeclarativeBase):
    pass


class Host(hosts.ForcedDownColumns, Model):
    __tablename__ = "hosts"
    name: Mapped[str] = mapped_column(String(255), primary_key=True)


class Worker(hosts.SeenColumns, Model):
    __tablename__ = "workers"
    name: Mapped[str] = mapped_column(String(255), primary_key=True)


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    found = Sessions(f"sqlite:///{tmp_path / 'hosts.sqlite'}")
    Model.metadata.create_all(found.engine)
    yield found
    found.dispose()


def test_a_new_row_was_seen_now(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.add_all([Host(name="a"), Worker(name="a")])
    with sessions.read() as session:
        assert hosts.is_up(session.get_one(Host, "a"), 60)
        assert hosts.is_up(session.get_one(Worker, "a"), 60)


def test_a_silent_host_is_down_until_it_reports(sessions: Sessions) -> None:
    host = Host(name="a", seen_at=now() - timedelta(seconds=61), forced_down=False)
    assert not hosts.is_up(host, 60)
    assert hosts.is_up(host, 90)
    assert hosts.reason_down(host, 60) == f"has not been heard of since {host.seen_at:%H:%M:%S}"
    hosts.mark_seen(host)
    assert hosts.is_up(host, 60)
    assert hosts.reason_down(host, 60) is None


def test_a_host_that_an_operator_declared_down_is_down_though_it_reports() -> None:
    host = Host(name="a", seen_at=now(), forced_down=True)
    assert not hosts.is_up(host, 60)
    assert hosts.reason_down(host, 60) == "is down"
