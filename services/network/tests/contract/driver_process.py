"""Runs a driver or a whole agent on a test's host, in a process of its own that a test can kill.

It reads commands from stdin.
"""

import pickle
import sys
from typing import Any

from pileus_kit.rpc import Bus
from pileus_network.agent.service import Agent, load_backend
from pileus_network.config import Config
from pileus_network.drivers.base import Settings
from pileus_network.drivers.linux.backend import Linux
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

pipe, answers = sys.stdin.buffer, sys.stdout.buffer


class Controller(ControlPlane):
    """Stands in for the worker: answers with the state that a test set, and remembers reports."""

    def __init__(self, host: str) -> None:
        self.state = HostState(host, 0)
        self.reports: dict[int, Report] = {}
        self.facts: HostFacts | None = None

    def get_host_state(self, host: str, known: int) -> HostState | None:
        return self.state if known != self.state.generation else None

    def get_changes(self, host: str, known: int) -> HostChange | None:
        return HostChange(known, self.state.generation, self.state) if known != self.state.generation else None

    def audit_state(self, host: str, generation: int, digest: str) -> HostState | None:
        return None

    def report_changes(self, host: str, generation: int, change: ReportChange, took: SyncTiming | None = None) -> None:
        last = self.reports[max(self.reports)].ports
        ports = (set(last) | set(change.wired)) - set(change.unwired)
        self.reports[generation] = Report(tuple(sorted(ports)), change.failures)

    def report_state(self, host: str, generation: int, report: Report, took: SyncTiming | None = None) -> None:
        self.reports[generation] = report

    def heartbeat(self, host: str, facts: HostFacts) -> int:
        self.facts = facts
        return self.state.generation


class DriverProcess:
    def settings(self, fields: dict[str, Any]) -> None:
        self.backend = Linux(Settings(**fields))
        self.backend.prepare()

    def ready(self) -> None:
        """Do nothing. An answer means that everything is loaded."""

    def apply(self, state: HostState, thorough: bool) -> Report:
        return self.backend.apply(state, thorough)

    def agent(self, fields: dict[str, Any]) -> None:
        """Start an agent, and a worker for it, on a bus inside this process."""
        config = Config(bus="fake://", **fields)
        bus = Bus(config.bus)
        self.host = config.host
        self.controller = Controller(config.host)
        bus.serve(self.controller, "worker")
        self.running = Agent(config, bus, load_backend(config))
        self.running.start()
        self.agent_client = bus.client(HostAgent, config.host)

    def want(self, state: HostState) -> None:
        self.controller.state = state
        self.agent_client.notify(state.generation)

    def reported(self, generation: int) -> Report | None:
        return self.controller.reports.get(generation)

    def facts(self) -> HostFacts | None:
        return self.controller.facts


def main() -> None:
    process = DriverProcess()
    while True:
        try:
            command, argument = pickle.load(pipe)
        except EOFError:
            return
        try:
            answer = getattr(process, command)(*argument)
        except Exception as err:
            answer = err
        pickle.dump(answer, answers)
        answers.flush()


main()
