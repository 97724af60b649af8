"""A call that its worker gave up may reach the host late: after the job was undone it must make nothing anew."""

import contextvars
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from job_tables import Event, Job

from pileus_kit.db import Sessions
from pileus_kit.errors import CloudError, HostDown
from pileus_kit.flow import Flow, Remote, Runner, Work, enqueue
from pileus_kit.rpc import Bus, Interface, call


class Oven(Interface, topic="oven.overtaken", version="1.0"):
    @call(since="1.0")
    def bake(self, cake: str) -> None: ...

    @call(since="1.0")
    def scrap(self, cake: str) -> None: ...


class HotOven(Oven):
    def __init__(self) -> None:
        self.cakes: set[str] = set()

    def bake(self, cake: str) -> None:
        self.cakes.add(cake)

    def scrap(self, cake: str) -> None:
        self.cakes.discard(cake)


class Burnt(CloudError):
    text = "It is burnt."


@dataclass
class Kitchen:
    oven: Oven
    sent: list[contextvars.Context] = field(default_factory=list)  # what each call to bake was sent under


def bake(tools: Kitchen, work: Work) -> None:
    tools.sent.append(contextvars.copy_context())
    tools.oven.bake(work.subject)


def scrap(tools: Kitchen, work: Work) -> None:
    tools.oven.scrap(work.subject)


def taste(tools: Kitchen, work: Work) -> None:
    raise Burnt


eat_cake = Flow("cake.eat", Remote(scrap), ends=True)
bake_cake = Flow("cake.bake", Remote(bake, scrap), Remote(taste))


def test_a_call_after_undoing_is_refused(sessions: Sessions) -> None:
    bus, oven = Bus("fake://"), HotOven()
    server = bus.serve(oven, "host1")
    try:
        kitchen = Kitchen(bus.client(Oven, host="host1"))
        with sessions.begin() as session:
            enqueue(session, Job, flow="cake.bake", subject="c1")
        Runner(sessions, Job, Event, [bake_cake], kitchen, "w1").drain()
        assert oven.cakes == set()
        with pytest.raises(HostDown, match="newer attempt"):
            kitchen.sent[0].run(kitchen.oven.bake, "c1")
        assert oven.cakes == set()
    finally:
        server.stop()
        bus.close()


def test_a_call_after_the_end_of_its_subject_is_refused(sessions: Sessions, tmp_path: Path) -> None:
    """Also by a host that was restarted meanwhile, and if the job that asks for it was never undone."""
    bus, oven, memory = Bus("fake://"), HotOven(), tmp_path / "gone"
    server = bus.serve(oven, "host1", destroyed_file=memory)
    kitchen = Kitchen(bus.client(Oven, host="host1"))
    runner = Runner(sessions, Job, Event, [Flow("cake.bake", Remote(bake, scrap)), eat_cake], kitchen, "w1")
    try:
        for flow, subject in (("cake.bake", "c1"), ("cake.eat", "c1/eat"), ("cake.bake", "c2")):
            with sessions.begin() as session:
                enqueue(session, Job, flow=flow, subject=subject)
            runner.drain()
        assert oven.cakes == {"c1", "c2"}, "scrap names the job's subject, which here is no cake's id"
        oven.cakes.clear()
    finally:
        server.stop()
    server = bus.serve(oven, "host1", destroyed_file=memory)
    try:
        with pytest.raises(HostDown, match="newer attempt"):
            kitchen.sent[0].run(kitchen.oven.bake, "c1")
        kitchen.sent[1].run(kitchen.oven.bake, "c2")
        assert oven.cakes == {"c2"}
    finally:
        server.stop()
        bus.close()
