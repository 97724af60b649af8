"""Network in this process, for other services' tests: SQLite, no bus, hosts that wire every port."""

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pileus_kit.auth import Authenticator, Caller
from pileus_kit.errors import HostDown
from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.testing import Client, TokenBook, fresh_sessions, routed_peers
from pileus_kit.testing.callers import make_caller
from pileus_network.agent.endpoint import AgentEndpoint
from pileus_network.agent.reconciler import Reconciler
from pileus_network.agent.service import load_backend
from pileus_network.app import create
from pileus_network.clients.agent_notifier import HostGeneration
from pileus_network.clients.tools import Tools
from pileus_network.config import Config
from pileus_network.db.models import Model
from pileus_network.policy import RULES
from pileus_network.rpc import HostAgent, HostFacts, Report
from pileus_network.worker import DatabaseControlPlane, build_runner

FACTS = HostFacts("test", "fake", "", (), -1)


class RecordedNotifications:
    """Takes what would go over the bus: `hosts` to be notified, and `jobs` that workers were notified of."""

    def __init__(self) -> None:
        self.hosts: dict[str, int] = {}
        self.jobs: list[str] = []

    def notify(self, message: HostGeneration | str) -> None:
        if isinstance(message, HostGeneration):
            self.hosts[message.host] = message.generation
        else:
            self.jobs.append(message)


class NetworkFixture:
    """`with NetworkFixture(tmp_path) as network:` gives `app`, `client`, `tools`, `control`, `book`; `operator` is an
    administrator of a project of their own.

    `hosts` have an agent that has said hello; each maps the physical network `public`. `drain()` makes the desired
    state of notified hosts true (ports become ACTIVE). `authenticate` replaces the token book when another one knows
    the callers.
    """

    def __init__(
        self,
        directory: Path,
        hosts: tuple[str, ...] = ("host1",),
        authenticate: Authenticator | None = None,
        **config: Any,
    ) -> None:
        self.book = TokenBook()
        self.operator = self.book.add(make_caller("operator", "admin", project="operators"))
        self.sessions = fresh_sessions(Model, directory)
        self.notifications = RecordedNotifications()
        self.down: set[str] = set()
        """Hosts whose agents don't answer."""
        self.tools = Tools(
            Config(state=str(directory), **config),
            self.sessions,
            routed_peers({}),
            self.notifications,
            self.notifications,
            self._agent,
        )
        self.enforcer = Enforcer(RULES)
        self.app = create(self.tools, authenticate or self.book, self.enforcer)
        self.client = Client(self.app, "network")
        self.control = DatabaseControlPlane(self.tools, mark_delay_s=0)
        for number, host in enumerate(hosts):
            self.hello(host, f"192.0.2.{number + 1}")

    def _agent(self, host: str) -> HostAgent:
        """Return the agent of a host in this process; it wires nothing."""
        if host in self.down:
            raise HostDown(host=host, why="the test says so")
        config = replace(self.tools.config, host=host, driver="fake")
        reconciler = Reconciler(host, load_backend(config), self.control, lambda generation: FACTS)
        return AgentEndpoint(reconciler, config)

    def hello(self, host: str, tunnel_address: str = "", physical_networks: tuple[str, ...] = ("public",)) -> int:
        """Send the heartbeat of an agent that starts."""
        return self.control.heartbeat(host, HostFacts("test", "fake", tunnel_address, physical_networks, -1))

    def drain(self) -> None:
        """Every notified host fetches its desired state and reports all of its ports wired."""
        while self.notifications.hosts:
            host, _ = self.notifications.hosts.popitem()
            self.wire(host)

    def runner(self, peers: Peers) -> Runner:
        """What a worker runs its flows with; `runner(peers).drain()` sends compute its events."""
        return build_runner(replace(self.tools, peers=peers), "test", 2)

    def wire(self, host: str) -> None:
        state = self.control.get_host_state(host, -1)
        if state is not None:
            self.control.report_state(
                host, state.generation, Report(ports=tuple(port.id for port in state.ports if port.local))
            )

    def public(self, cidr: str = "172.24.4.0/24", as_: Caller | None = None) -> dict[str, Any]:
        """The external network `public` with a subnet, without DHCP."""
        who = as_ or self.book.admin
        network = self.made(
            "network",
            {
                "name": "public",
                "router:external": True,
                "provider:network_type": "flat",
                "provider:physical_network": "public",
            },
            who,
        )
        self.made("subnet", {"network_id": network["id"], "ip_version": 4, "cidr": cidr, "enable_dhcp": False}, who)
        return network

    def made(self, noun: str, requested: dict[str, Any], as_: Caller | None = None) -> dict[str, Any]:
        """POST one resource and return its view; any answer but 201 fails the test."""
        path = {"security_group": "security-groups", "security_group_rule": "security-group-rules"}.get(
            noun, noun + "s"
        )
        answer = self.client.post(f"/v2.0/{path}", json={noun: requested}, as_=as_ or self.book.member)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        view: dict[str, Any] = answer.get_json()[noun]
        return view

    def close(self) -> None:
        self.sessions.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
