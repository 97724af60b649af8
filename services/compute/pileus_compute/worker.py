"""The worker: runs the flows, and serves what the agents of hosts call."""

import os
import sys
from collections.abc import Sequence

from pileus_compute.config import Config
from pileus_compute.core import host_reports, leftovers, server_jobs, workers
from pileus_compute.core.tools import TOPIC, Tools
from pileus_compute.db.models import Event, Host, Job
from pileus_compute.flows import FLOWS
from pileus_compute.rpc import ControlPlane, GuestState, Inventory, Wanted
from pileus_kit import doorbell
from pileus_kit.db import Sessions
from pileus_kit.flow import Runner
from pileus_kit.heartbeat import Heartbeat
from pileus_kit.peers import Peers
from pileus_kit.process import load_config, run_until_signal
from pileus_kit.rpc import Bus
from pileus_kit.seen_marks import SeenMarks


class AgentAPI(ControlPlane):
    """What the agents of hosts call: they report, and ask what is to be on their host."""

    def __init__(self, tools: Tools) -> None:
        self.tools, self._seen = tools, SeenMarks(tools.sessions, Host)

    def hello(self, host: str, inventory: Inventory, guests: list[GuestState]) -> None:
        silence_s = self.tools.config.host_silence_s
        with self.tools.sessions.read() as session:
            is_known = host_reports.is_known(session, host, inventory, guests, silence_s)
        if is_known:
            self._seen.note(host)
            return
        with self.tools.sessions.begin() as session:
            orphans = host_reports.record_hello(session, host, inventory, guests)
        for guest_id in orphans:
            self.tools.agent(host).destroy(guest_id)
        if orphans:
            with self.tools.sessions.begin() as session:
                leftovers.forget(session, host, orphans)

    def wanted(self, host: str) -> list[Wanted]:
        with self.tools.sessions.read() as session:
            return host_reports.desired_guests(session, host)


def runner_of(tools: Tools, me: str, threads: int) -> Runner:
    """What runs this service's flows as worker `me`."""
    return Runner(
        tools.sessions,
        Job,
        Event,
        FLOWS,
        tools,
        me,
        threads,
        history_days=tools.config.history_days,
        kept=server_jobs.has_server,
    )


def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(Config, sys.argv[1:] if argv is None else argv, "compute-worker")
    bus = Bus(config.bus)
    tools = Tools(
        config, Sessions(config.database_url("compute")), Peers(config), ring=lambda job_id: None, connect=lambda: bus
    )
    runner = runner_of(tools, f"{config.host}:{os.getpid()}", config.threads)
    tools.ring = runner.ring  # what a step enqueues is started here
    servers = []

    def record_heartbeat() -> None:
        with tools.sessions.begin() as session:
            workers.record_heartbeat(session, config.host)

    heartbeat = Heartbeat(record_heartbeat, every_s=workers.HEARTBEAT_S, retry_s=workers.HEARTBEAT_S)

    def start() -> None:
        runner.start()
        heartbeat.start()
        servers.append(bus.serve(doorbell.answer(TOPIC, runner), config.host, threads=2))
        servers.append(bus.serve(AgentAPI(tools), config.host, threads=2))

    def stop() -> None:
        heartbeat.stop(timeout_s=5.0)
        for server in servers:
            server.stop()
        runner.stop()
        bus.close()

    run_until_signal(start, stop)


if __name__ == "__main__":
    main()
