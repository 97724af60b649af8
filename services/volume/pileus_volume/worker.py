"""Runs the flows and listens to storage hosts: `python -m pileus_volume.worker --config FILE`."""

import sys
from collections.abc import Sequence
from functools import lru_cache

from pileus_kit import doorbell
from pileus_kit.db import Sessions, new_id
from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.process import load_config, run_until_signal
from pileus_kit.rpc import Bus
from pileus_volume.config import Config
from pileus_volume.core import hosts
from pileus_volume.db.models import Event, Job
from pileus_volume.flows.all import FLOWS
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Registry, Report, StorageAgent, Wanted

DOORBELL = "volume.jobs"


class Listener(Registry):
    """Writes down what storage hosts say."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def hello(self, report: Report) -> Wanted:
        with self._sessions.begin() as session:
            hosts.note(session, report)
            session.flush()
            return hosts.wanted(session, report.host)


def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(Config, sys.argv[1:] if argv is None else argv, "volume-worker")
    sessions, bus = Sessions(config.database_url("volume")), Bus(config.bus)

    @lru_cache(maxsize=1000)
    def agent(host: str) -> StorageAgent:
        return bus.client(StorageAgent, host)

    def ring(job_id: str) -> None:
        runner.ring(job_id)

    tools = Tools(config, sessions, Peers(config), ring, agent)
    me = f"{config.host}-{new_id()[:8]}"
    runner = Runner(sessions, Job, Event, FLOWS, tools, me, threads=config.threads, history_days=config.history_days)
    servers = [
        bus.serve(Listener(sessions), me, threads=2),  # each idle thread of a pool wakes every second
        bus.serve(doorbell.answer(DOORBELL, runner), me, threads=1),
    ]

    def stop() -> None:
        for server in servers:
            server.stop()
        runner.stop()
        bus.close()

    run_until_signal(runner.start, stop)


if __name__ == "__main__":
    main()
