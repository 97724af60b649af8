"""The worker serves the agents (their hosts' desired state, their reports) and runs the flows."""

import logging
import os
import sys
import threading
from collections.abc import Sequence

from pileus_kit import doorbell, process
from pileus_kit.db import Sessions
from pileus_kit.doorbell import JobNotifier
from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.rpc import Bus, Server
from pileus_kit.seen_marks import DELAY_S, SeenMarks
from pileus_network import state_changes
from pileus_network.clients.agent_notifier import AgentNotifier
from pileus_network.clients.tools import Tools
from pileus_network.config import Config
from pileus_network.core import (
    affected_hosts,
    agent_reports,
    compute_events,
    host_changes,
    host_state,
    hosts,
    scheduler,
    sync_records,
    takeovers,
)
from pileus_network.core.compute_events import TOPIC
from pileus_network.db.models import Event, Host, Job
from pileus_network.flows import FLOWS
from pileus_network.rpc import (
    ControlPlane,
    HostAgent,
    HostChange,
    HostFacts,
    HostState,
    Report,
    ReportChange,
    SyncTiming,
)

log = logging.getLogger(__name__)

CONTROL_THREADS, FLOW_THREADS = 4, 2
"""Few are enough: calls take milliseconds, and an agent that waits for its answer loses nothing."""
REPAIR_INTERVAL_S = 20.0
"""How often hosts that are behind are notified again: a notification was lost, or the host was away."""
TAKEOVER_CHECK_S = 3.0
"""How often the worker looks for hosts that fell silent."""
CLEANUP_EVERY = 180
"""Old records are deleted after this many repair intervals: every hour."""


class DatabaseControlPlane(ControlPlane):
    """Implements `ControlPlane` with the database. Any number of workers may serve it."""

    def __init__(self, tools: Tools, mark_delay_s: float = DELAY_S) -> None:
        self._tools, self._sessions, self._dns_domain = tools, tools.sessions, tools.config.dns_domain
        self._seen = SeenMarks(tools.sessions, Host, mark_delay_s)

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
                return None  # there is a newer generation, which the host asks for anyway
            found = host_state.find(session, host, self._dns_domain)
            return found if found and state_changes.digest(found) != digest else None

    def report_changes(self, host: str, generation: int, change: ReportChange, took: SyncTiming | None = None) -> None:
        with self._sessions.begin() as session:
            agent_reports.record_progress(session, host, generation, change, took)

    def report_state(self, host: str, generation: int, report: Report, took: SyncTiming | None = None) -> None:
        with self._sessions.begin() as session:
            agent_reports.record_report(session, host, generation, report, took)

    def heartbeat(self, host: str, facts: HostFacts) -> int:
        with self._sessions.read() as session:
            unchanged = hosts.find_unchanged(session, host, facts)
        if unchanged is not None:
            self._seen.note(host)
            return unchanged
        with self._sessions.begin() as session:
            generation = hosts.register(session, host, facts)
            counted = affected_hosts.count_generations(session)
        self._tools.notify_agents({name: number for name, number in counted.items() if name != host})
        return counted.get(host, generation)

    def clean_up(self) -> None:
        with self._sessions.begin() as session:
            compute_events.delete_old(session)
            sync_records.delete_old(session)
            host_changes.delete_excess(session)

    def record_heartbeat(self) -> None:
        with self._sessions.begin() as session:
            scheduler.record_heartbeat(session)

    def replace_silent_hosts(self) -> None:
        """Have other hosts take over the DHCP ports and routers of those that fell silent."""
        with self._sessions.read() as session:
            if not takeovers.are_due(session):
                return
        with self._sessions.begin() as session:
            moved = takeovers.take_over(session, scheduler.silent_hosts(session))
            counted = affected_hosts.count_generations(session)
        for name, number in moved.items():
            log.warning("%s has fallen silent: others take over %d of its DHCP ports and routers", name, number)
        self._tools.notify_agents(counted)

    def notify_behind(self) -> None:
        """Notify hosts that have not applied their newest generation."""
        with self._sessions.read() as session:
            behind = hosts.list_behind(session)
        self._tools.notify_agents(behind)


def build_runner(tools: Tools, name: str, threads: int, history_days: float | None = None) -> Runner:
    return Runner(tools.sessions, Job, Event, FLOWS, tools, name, threads, history_days=history_days)


class Worker:
    """The process: serves `ControlPlane`, runs flows, notifies hosts that are behind and deletes old records."""

    def __init__(self, config: Config) -> None:
        self._bus = Bus(config.bus)
        self._tools = Tools(
            config,
            Sessions(config.database_url("network")),
            Peers(config),
            AgentNotifier(config.bus),
            JobNotifier(config.bus, TOPIC),
            lambda host: self._bus.client(HostAgent, host),
        )
        self._control = DatabaseControlPlane(self._tools)
        self._runner = build_runner(self._tools, f"{config.host}:{os.getpid()}", FLOW_THREADS, config.history_days)
        self._stopping = threading.Event()
        self._servers: list[Server] = []
        self._rounds = [
            threading.Thread(target=self._repair, name="repair", daemon=True),
            threading.Thread(target=self._watch_hosts, name="watch-hosts", daemon=True),
        ]

    def start(self) -> None:
        host = self._tools.config.host
        self._runner.start()
        self._servers = [
            self._bus.serve(self._control, host, threads=CONTROL_THREADS),
            self._bus.serve(doorbell.answer(TOPIC, self._runner), host, threads=1),
        ]
        for thread in self._rounds:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for server in self._servers:
            server.stop()
        self._runner.stop()
        self._bus.close()
        self._tools.sessions.dispose()

    def _repair(self) -> None:
        rounds = 0
        while not self._stopping.wait(REPAIR_INTERVAL_S):
            try:
                self._control.notify_behind()
                self._control.record_heartbeat()
                if rounds % CLEANUP_EVERY == 0:
                    self._control.clean_up()
                rounds += 1
            except Exception:  # a broken database or a bug: log it and try again; the agents go on regardless
                log.exception("could not look for hosts that are behind")

    def _watch_hosts(self) -> None:
        while not self._stopping.wait(TAKEOVER_CHECK_S):
            try:
                self._control.replace_silent_hosts()
            except Exception:  # as above
                log.exception("could not look for hosts that fell silent")


def main(argv: Sequence[str] | None = None) -> None:
    config = process.load_config(Config, list(sys.argv[1:] if argv is None else argv), "network-worker")
    worker = Worker(config)
    process.run_until_signal(worker.start, worker.stop)


if __name__ == "__main__":
    main()
