"""The worker answers the agents (what is wanted of their hosts, and what they became) and runs the flows."""

import logging
import os
import sys
import threading

from pileus_kit import doorbell, process
from pileus_kit.db import Sessions
from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.rpc import Bus, Server
from pileus_network import state_changes
from pileus_network.clients.agent_notifier import AgentNotifier, BusAgentNotifier
from pileus_network.config import Config
from pileus_network.core import affected_hosts, compute_events, host_changes, host_state, hosts, scheduler, sync_records
from pileus_network.core.compute_events import TOPIC
from pileus_network.db.models import Event, Job
from pileus_network.flows import FLOWS
from pileus_network.flows.notify_compute import Tools
from pileus_network.rpc import ControlPlane, HostChange, HostFacts, HostState, Report, ReportChange, SyncTiming

log = logging.getLogger(__name__)

CONTROL_THREADS, FLOW_THREADS = 4, 2
"""Few: an idle thread of the bus wakes once a second, and an agent that has to wait for its answer loses nothing."""
REPAIR_INTERVAL_S = 20.0
"""Seconds between looks for hosts that are behind: the repair of a lost poke, and of a host that came back."""


CLEANUP_EVERY = 180
"""Looks between two times of dropping old records: an hour."""


class DatabaseControlPlane(ControlPlane):
    """`ControlPlane` over the database. Any number of workers may serve it."""

    def __init__(self, sessions: Sessions, agent_notifier: AgentNotifier, dns_domain: str = "") -> None:
        self._sessions, self._agent_notifier, self._dns_domain = sessions, agent_notifier, dns_domain

    def get_host_state(self, host: str, known: int) -> HostState | None:
        with self._sessions.read() as session:
            row = hosts.find(session, host)
            return None if row.generation == known else host_state.find(session, host, self._dns_domain)

    def get_changes(self, host: str, known: int) -> HostChange | None:
        with self._sessions.read() as session:
            return host_changes.find_since(session, host, known, self._dns_domain)

    def audit_state(self, host: str, generation: int, digest: str) -> HostState | None:
        with self._sessions.read() as session:
            if hosts.find(session, host).generation != generation:
                return None  # there is news, which the host asks for anyhow
            found = host_state.find(session, host, self._dns_domain)
            return found if found and state_changes.digest(found) != digest else None

    def report_changes(
        self, host: str, generation: int, progress: ReportChange, took: SyncTiming | None = None
    ) -> None:
        with self._sessions.begin() as session:
            hosts.record_progress(session, host, generation, progress, took)

    def report_state(self, host: str, generation: int, report: Report, took: SyncTiming | None = None) -> None:
        with self._sessions.begin() as session:
            hosts.record_report(session, host, generation, report, took)

    def heartbeat(self, host: str, facts: HostFacts) -> int:
        with self._sessions.begin() as session:
            generation = hosts.register(session, host, facts)
            counted = affected_hosts.count_generations(session)
        self._agent_notifier.notify({name: number for name, number in counted.items() if name != host})
        return counted.get(host, generation)

    def clean_up(self) -> None:
        with self._sessions.begin() as session:
            compute_events.delete_old(session)
            sync_records.delete_old(session)
            host_changes.delete_excess(session)

    def record_heartbeat(self) -> None:
        with self._sessions.begin() as session:
            scheduler.record_heartbeat(session)

    def notify_behind(self) -> None:
        """Poke whoever is behind."""
        with self._sessions.read() as session:
            late = hosts.list_behind(session)
        self._agent_notifier.notify(late)


def runner_of(sessions: Sessions, peers: Peers, me: str, threads: int, history_days: float | None = None) -> Runner:
    return Runner(sessions, Job, Event, FLOWS, Tools(peers), me, threads, history_days=history_days)


class Worker:
    """The process: serves `Control`, runs flows, and looks around now and then."""

    def __init__(self, config: Config) -> None:
        self._bus = Bus(config.bus)
        self._sessions = Sessions(config.database_url("network"))
        self._control = DatabaseControlPlane(self._sessions, BusAgentNotifier(config.bus), config.dns_domain)
        self._host = config.host
        self._runner = runner_of(
            self._sessions, Peers(config), f"{config.host}:{os.getpid()}", FLOW_THREADS, config.history_days
        )
        self._over = threading.Event()
        self._servers: list[Server] = []
        self._looker = threading.Thread(target=self._look, name="looker", daemon=True)

    def start(self) -> None:
        self._runner.start()
        self._servers = [
            self._bus.serve(self._control, self._host, threads=CONTROL_THREADS),
            self._bus.serve(doorbell.answer(TOPIC, self._runner), self._host, threads=1),
        ]
        self._looker.start()

    def stop(self) -> None:
        self._over.set()
        for server in self._servers:
            server.stop()
        self._runner.stop()
        self._bus.close()
        self._sessions.dispose()

    def _look(self) -> None:
        looks = 0
        while not self._over.wait(REPAIR_INTERVAL_S):
            try:
                self._control.notify_behind()
                self._control.record_heartbeat()
                if looks % CLEANUP_EVERY == 0:
                    self._control.clean_up()
                looks += 1
            except Exception:  # a broken database or a bug: say so and look again; the agents go on regardless
                log.exception("could not look for hosts that are behind")


def main(argv: list[str] | None = None) -> None:
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "network-worker")
    worker = Worker(config)
    process.run_until_signal(worker.start, worker.stop)


if __name__ == "__main__":
    main()
