"""Typed calls over a bus within this process; RabbitMQ is used by the contract tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pileus_kit import context, spans
from pileus_kit.context import Work
from pileus_kit.errors import BadRequest, Conflict, HostDown
from pileus_kit.rpc import Bus, Interface, Refused, RefusedForNow, RemoteFailure, Server, call, cast, describe, methods


@dataclass(frozen=True)
class Guest:
    id: str
    disks: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    guest: Guest
    running: bool
    host: str | None = None


class Agent(Interface, topic="test.agent", version="1.2"):
    @call(since="1.0", timeout_s=60)
    def boot(self, guest: Guest) -> State: ...

    @call(since="1.1", timeout_s=60)
    def stop(self, guest_id: str, reason: str = "asked") -> None: ...

    @call(since="1.0", timeout_s=60)
    def fetch(self, source: dict[str, str]) -> int: ...

    @call(since="1.0", timeout_s=60)
    def report(self, state: State) -> str: ...

    @cast(since="1.0")
    def poke(self, generation: int) -> None: ...


class Newer(Interface, topic="test.agent", version="1.3"):
    @call(since="1.3", timeout_s=1)
    def migrate(self, guest: Guest) -> None: ...


class Host(Agent):
    def __init__(self) -> None:
        self.stopped: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self.error: Exception | None = None

    def boot(self, guest: Guest) -> State:
        self.requests.append(context.request_id.get())
        if self.error:
            raise self.error
        with spans.span("qemu-img convert"):
            return State(guest, True)

    def stop(self, guest_id: str, reason: str = "asked") -> None:
        self.stopped.append((guest_id, reason))

    def fetch(self, source: dict[str, str]) -> int:
        return len(source["url"])

    def report(self, state: State) -> str:
        return state.guest.id

    def poke(self, generation: int) -> None:
        self.stopped.append(("poke", str(generation)))

    def secret(self) -> str:
        return "not declared, so not reachable"


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def bus() -> Iterator[Bus]:
    found = Bus("fake://")
    yield found
    found.close()


@pytest.fixture
def server(bus: Bus, host: Host, tmp_path: Path) -> Iterator[Server]:
    found = bus.serve(host, "host1", threads=2, origins=["http://image:9292"], destroyed_file=tmp_path / "gone")
    yield found
    found.stop()


@pytest.fixture
def agent(bus: Bus, server: Server) -> Agent:
    return bus.client(Agent, "host1")


GUEST = Guest("g1", ("a", "b"))


def test_dataclasses_travel_both_ways(agent: Agent) -> None:
    assert agent.boot(GUEST) == State(GUEST, True)
    assert agent.boot(guest=GUEST) == State(GUEST, True)


def test_arguments_have_defaults_and_answers_may_be_none(agent: Agent, host: Host) -> None:
    agent.stop("g1")
    agent.stop("g2", reason="broken")
    assert host.stopped == [("g1", "asked"), ("g2", "broken")]


def test_wrong_arguments_are_the_callers_bug(agent: Agent) -> None:
    with pytest.raises(TypeError):
        agent.stop()  # type: ignore[call-arg]


def test_only_declared_methods_are_reachable(agent: Agent) -> None:
    with pytest.raises(AttributeError):
        agent.secret()  # type: ignore[attr-defined]


def test_a_cast_has_no_answer(agent: Agent, host: Host) -> None:
    agent.poke(7)
    agent.stop("g1")
    assert ("poke", "7") in host.stopped


def test_the_request_id_travels_along(agent: Agent, host: Host) -> None:
    token = context.request_id.set("req-1")
    try:
        agent.boot(GUEST)
    finally:
        context.request_id.reset(token)
    assert host.requests == ["req-1"]


def test_spans_of_the_host_come_back(agent: Agent) -> None:
    with spans.collected() as found:
        agent.boot(GUEST)
    (span,) = found
    assert (span["name"], span["where"]) == ("boot", "host1")
    assert [inner["name"] for inner in span["spans"]] == ["qemu-img convert"]


def test_a_refusal_keeps_its_kind_status_and_sentence(agent: Agent, host: Host) -> None:
    host.error = Conflict(why="It runs already (/var/lib/pileus/guests/x).")
    with pytest.raises(Refused) as refused:
        agent.boot(GUEST)
    assert (refused.value.kind, refused.value.status) == ("Conflict", 409)
    assert str(refused.value) == "It runs already (x)."
    assert not isinstance(refused.value, RefusedForNow)


def test_a_host_that_has_to_wait_is_asked_again(agent: Agent, host: Host) -> None:
    host.error = HostDown(host="storage", why="cold")
    with pytest.raises(RefusedForNow, match="cold"):
        agent.boot(GUEST)


def test_a_full_disk_is_a_refusal(agent: Agent, host: Host) -> None:
    host.error = OSError(28, "No space left on device")
    with pytest.raises(Refused, match="There is no space left on the host") as refused:
        agent.boot(GUEST)
    assert refused.value.status == 507


def test_a_bug_of_the_host_is_a_failure(agent: Agent, host: Host) -> None:
    host.error = KeyError("x")
    with pytest.raises(RemoteFailure, match="host1: boot: KeyError"):
        agent.boot(GUEST)


def test_a_value_of_another_type_is_refused(agent: Agent) -> None:
    with pytest.raises(RemoteFailure, match="ValidationError"):
        agent.boot("g1")  # type: ignore[arg-type]


def test_urls_lead_to_our_own_services_only(agent: Agent) -> None:
    assert agent.fetch({"url": "http://image:9292/v2/x"}) == 22
    with pytest.raises(Refused, match="http://evil is no service that this host exchanges data with") as refused:
        agent.fetch({"url": "http://evil/x"})
    assert refused.value.kind == "NotAdmitted"


@pytest.mark.parametrize(
    ("sender", "refused"),
    [
        ("test", None),
        ("test@host1", "test@host1 may not call test.agent.report"),
        ("other", "other may not call test.agent.report"),
        ("", None),
    ],
)
def test_who_may_call(agent: Agent, sender: str, refused: str | None) -> None:
    agent._account = sender  # type: ignore[attr-defined]
    if refused is None:
        assert agent.report(State(GUEST, True)) == "g1"
    else:
        with pytest.raises(Refused, match=refused):
            agent.report(State(GUEST, True))


class Registry(Interface, topic="test.registry", version="1.0"):
    @call(since="1.0", timeout_s=60)
    def hello(self, host: str, state: State) -> str: ...


class Worker(Registry):
    def hello(self, host: str, state: State) -> str:
        return f"hello {host}"


def test_a_host_speaks_for_itself_only(bus: Bus) -> None:
    server = bus.serve(Worker(), "worker1")
    try:
        registry = bus.client(Registry)
        registry._account = "test@host1"  # type: ignore[attr-defined]
        assert registry.hello("host1", State(GUEST, True, "host1")) == "hello host1"
        for host, other in (("host2", "host1"), ("host1", "host2")):
            with pytest.raises(Refused, match="may not speak for host2"):
                registry.hello(host, State(GUEST, True, other))
    finally:
        server.stop()


def test_an_older_attempt_is_out_of_date(agent: Agent) -> None:
    def boot(attempt: int, undoing: bool = False) -> State:
        token = context.work.set(Work("j1", "server.create", "g1", attempt=attempt, undoing=undoing))
        try:
            return agent.boot(GUEST)
        finally:
            context.work.reset(token)

    boot(1)
    boot(2)
    with pytest.raises(HostDown, match="newer attempt"):
        boot(1)
    boot(2, undoing=True)
    with pytest.raises(HostDown, match="newer attempt"):
        boot(3)


def test_a_host_that_is_not_there_is_down(bus: Bus) -> None:
    class Absent(Interface, topic="test.absent", version="1.0"):
        @call(since="1.0", timeout_s=1)
        def ask(self) -> None: ...

    with pytest.raises(HostDown, match="Host host9 does not answer"):
        bus.client(Absent, "host9").ask()


def test_a_method_of_a_newer_contract_is_not_sent_to_an_older_one(bus: Bus, agent: Agent) -> None:
    client = bus.client(Newer, "host1")
    client._client.version_cap = "1.2"  # type: ignore[attr-defined]
    from oslo_messaging import RPCVersionCapError

    with pytest.raises(RPCVersionCapError):
        client.migrate(GUEST)


def test_contracts_are_described_as_text() -> None:
    assert list(methods(Agent)) == ["boot", "stop", "fetch", "report", "poke"]
    described = describe(Agent)
    assert described["boot"] == (
        "1.0 guest: Guest(id: str, disks: tuple[str, Ellipsis]), "
        "return: State(guest: Guest(id: str, disks: tuple[str, Ellipsis]), running: bool, host: |[str, NoneType])"
    )
    assert described["poke"] == "1.0 generation: int, return: NoneType"


def test_an_implementation_has_every_method() -> None:
    class Half(Agent):
        def poke(self, generation: int) -> None:
            raise BadRequest(why="no")

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]
