"""Processes that are replaced one after the other: the next one only when the one before it is ready."""

import os
import signal

import pytest

from pileus_deploy import children
from pileus_deploy.children import READY_S, SETTLE_S, Child, Family
from pileus_deploy.handover import HandedProcess, Handover
from pileus_deploy.processes import Process
from pileus_deploy.releases import Release

FORMER = "/former"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What signals processes get; their sockets are out of a test's reach."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(children, "send", lambda pid, number: found.append((pid, number)))
    monkeypatch.setattr(children.sockets, "listening", lambda pid: [])
    return found


def test_a_process_has_settled_when_it_has_said_that_it_is_ready() -> None:
    child = Child(Process("network-api", "m:main"), pid=7, announcement=os.eventfd(0, os.EFD_NONBLOCK))
    assert not child.is_settled(SETTLE_S + 1)
    assert child.announcement is not None
    os.eventfd_write(child.announcement, 1)
    assert not child.is_settled(SETTLE_S / 2)
    assert child.is_settled(SETTLE_S + 1)
    assert child.announcement is None


def test_a_process_that_never_says_so_counts_as_ready_in_the_end() -> None:
    child = Child(Process("network-api", "m:main"), pid=7, announcement=os.eventfd(0, os.EFD_NONBLOCK))
    assert not child.is_settled(READY_S - 1)
    assert child.is_settled(READY_S + 1)


def test_an_api_is_told_to_retire_when_its_successor_is_ready(sent: list[tuple[int, int]]) -> None:
    process = Process("network-api", "m:main")
    handed = HandedProcess(process.name, 5, FORMER, children.definition(process))
    family = Family([process], Handover(Release("0.1.0", FORMER), (handed,)))
    family.replace_next()
    (child,) = family.children
    assert (child.pid, child.predecessor) == (0, 5)
    child.pid, child.announcement = 6, os.eventfd(0, os.EFD_NONBLOCK)  # as the supervisor starts it
    child.started = children.time.monotonic() - SETTLE_S
    family.replace_next()
    assert sent == []
    os.eventfd_write(child.announcement, 1)
    family.replace_next()
    assert sent == [(5, signal.SIGWINCH)]
    assert family.is_of_one_release()
