"""The processes that a supervisor has started or taken over, and their replacement by another release's.

One process after the other is replaced, and the next one only when those before run well. An API's successor starts
with the same socket before the old process stops accepting, which then finishes what it has begun. Of what works on
this host there is never more than one: an agent or worker ends first, and callers wait in the queue of its socket.
"""

import hashlib
import logging
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from pileus_deploy import releases, sockets
from pileus_deploy.handover import HandedProcess, Handover
from pileus_deploy.processes import Process

log = logging.getLogger(__name__)

SETTLE_S = 0.4  # seconds of running after which a process that is ready counts as replaced
READY_S = 60.0  # seconds after which a process that never says that it is ready counts as that
STABLE_S = 10.0  # seconds of running after which a process counts as started well
GRACE_S = 15.0  # seconds from SIGTERM to SIGKILL
OWN = str(releases.CHECKOUT)


@dataclass
class Child:
    """A process of the plan, and what runs of it."""

    process: Process
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    due: float = field(default=0.0)  # when to start it (again), on the monotonic clock
    checkout: str = OWN
    """The release whose code it runs."""
    listeners: list[int] = field(default_factory=list)
    """The sockets that its next start takes over."""
    predecessor: int = 0
    predecessor_checkout: str = ""
    kill_at: float = 0.0  # when SIGTERM has had no effect for too long; 0: it wasn't sent
    announcement: int | None = None
    """The descriptor of the eventfd on which it says that it is ready; None if it has, or isn't asked to."""

    def is_settled(self, now: float) -> bool:
        """Whether it runs well, as far as one can know yet."""
        needed = STABLE_S if self.failures else SETTLE_S
        return bool(self.pid) and now - self.started >= needed and self._is_ready(now)

    def _is_ready(self, now: float) -> bool:
        if self.announcement is not None:
            try:
                os.eventfd_read(self.announcement)
            except BlockingIOError:
                if now - self.started < READY_S:
                    return False
                log.warning("%s never said that it is ready", self.process.name)
            self.forget_announcement()
        return True

    def forget_announcement(self) -> None:
        """Don't wait any more for the process to say that it is ready."""
        if self.announcement is not None:
            os.close(self.announcement)
        self.announcement = None

    def sockets_to_inherit(self) -> list[int]:
        """Return the sockets with which it starts: the caller closes them. What is missing it makes itself."""
        found, self.listeners = self.listeners, []
        return found or (sockets.listening(self.predecessor) if self.predecessor else [])


class Family:
    """All children, and the processes that were replaced and finish what they have begun."""

    def __init__(self, wanted: Sequence[Process], handed: Handover | None = None) -> None:
        self.retiring: list[int] = list(handed.retiring) if handed else []
        known = {one.name: one for one in handed.processes} if handed else {}
        self.children = [_adopted(process, known.pop(process.name, None)) for process in wanted]
        for one in known.values():
            log.warning("%s is no process of this release", one.name)
            self._leave(one.pid, signal.SIGTERM)
        for child in self.children:
            if child.predecessor and child.predecessor_checkout == OWN:
                self._return_to_predecessor(child)

    def is_of_one_release(self) -> bool:
        """Whether nothing is left to replace."""
        return all(child.checkout == OWN and not child.predecessor for child in self.children)

    def replace_next(self) -> None:
        """Replace the next process of another release, if those that were replaced before run well."""
        now = time.monotonic()
        ending = [child for child in self.children if child.kill_at]
        for child in ending:
            if child.kill_at < now:
                log.warning("%s does not stop; killed", child.process.name)
                child.kill_at = now + GRACE_S
                send(child.pid, signal.SIGKILL)
        if ending or any(child.checkout == OWN and not child.is_settled(now) for child in self.children):
            return
        for child in self.children:
            if child.predecessor:
                self._leave(child.predecessor, signal.SIGWINCH)
                child.predecessor = 0
        outdated = next((child for child in self.children if child.checkout != OWN), None)
        if outdated is not None:
            _replace(outdated, now)

    def handed(self) -> list[HandedProcess]:
        """Return what another supervisor has to know of the children."""
        return [
            HandedProcess(
                child.process.name,
                child.pid,
                child.checkout,
                definition(child.process),
                child.failures,
                child.predecessor,
                child.predecessor_checkout,
                tuple(child.listeners),
            )
            for child in self.children
        ]

    def forget(self, pid: int) -> Child | None:
        """Note that a process has ended. Returns the child that has to be started again; None if there is none."""
        if pid in self.retiring:
            self.retiring.remove(pid)
        for child in self.children:
            if child.predecessor == pid:
                child.predecessor = 0
            if child.pid == pid:
                if child.kill_at:  # it ended to be replaced
                    child.checkout = OWN
                child.pid, child.kill_at = 0, 0.0
                child.forget_announcement()
                return child
        return None

    def _return_to_predecessor(self, child: Child) -> None:
        """Keep the process of this release, which was about to be replaced, and let its successor go."""
        if child.pid:
            self._leave(child.pid, signal.SIGWINCH)
        child.pid, child.checkout, child.failures = child.predecessor, OWN, 0
        child.predecessor = 0

    def _leave(self, pid: int, number: signal.Signals) -> None:
        if pid:
            self.retiring.append(pid)
            send(pid, number)


def definition(process: Process) -> str:
    """Return what a process was started as, as a checksum."""
    facts = (process.main, process.arguments, process.command, process.environment, process.user, process.capabilities)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _adopted(process: Process, handed: HandedProcess | None) -> Child:
    """Return the child for a process of the plan. Infrastructure that would be started the same way isn't replaced."""
    if handed is None:
        return Child(process)
    same = not process.main and handed.definition == definition(process)
    return Child(
        process,
        handed.pid,
        time.monotonic() - STABLE_S,
        0,
        0.0,
        OWN if same or not handed.pid else handed.checkout,
        list(handed.listeners),
        handed.predecessor,
        handed.predecessor_checkout,
    )


def _replace(child: Child, now: float) -> None:
    child.listeners = sockets.listening(child.pid) if child.process.main else []
    if child.process.is_api:
        child.predecessor, child.predecessor_checkout = child.pid, child.checkout
        child.pid, child.due, child.checkout = 0, 0.0, OWN
    else:
        child.started, child.kill_at = 0.0, now + GRACE_S  # `started`: this is no failure, however short it lived
        send(child.pid, signal.Signals(child.process.stop_signal))
    child.failures = 0
