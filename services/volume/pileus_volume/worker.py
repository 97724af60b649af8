"""The worker process, which runs flows and answers storage hosts: `python -m pileus_volume.worker --config FILE`."""

import sys
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy.orm import Session

from pileus_kit import doorbell
from pileus_kit.db import Sessions, new_id
from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.process import load_config, run_until_signal
from pileus_kit.rpc import Bus
from pileus_volume.config import Config
from pileus_volume.core import exports, hosts
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Event, Job
from pileus_volume.flows import FLOWS
from pileus_volume.rpc import ControlPlane, DesiredExports, HostReport, StorageAgent

DOORBELL = "volume.jobs"


class ControlPlaneEndpoint(ControlPlane):
    """Answers storage hosts from the database."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def heartbeat(self, report: HostReport) -> DesiredExports:
        with self._sessions.begin() as session:
            return self._record(session, report, "")

    def report_backend(self, report: HostReport, backend: str) -> DesiredExports:
        with self._sessions.begin() as session:
            return self._record(session, report, backend)

    @staticmethod
    def _record(session: Session, report: HostReport, backend: str) -> DesiredExports:
        name = hosts.record_report(session, report, backend)
        session.flush()
        return exports.get_desired(session, name)


def main(argv: Sequence[str] | None = None) -> None:
    """Work until a signal ends the process."""
    config = load_config(Config, sys.argv[1:] if argv is None else argv, "volume-worker")
    sessions, bus = Sessions(config.database_url("volume")), Bus(config.bus)

    @lru_cache(maxsize=1000)
    def agent(host: str) -> StorageAgent:
        return bus.client(StorageAgent, host)

    def ring(job_id: str) -> None:
        runner.ring(job_id)

    tools = Tools(config, sessions, Peers(config), ring, agent)
    name = f"{config.host}-{new_id()[:8]}"
    runner = Runner(sessions, Job, Event, FLOWS, tools, name, threads=config.threads, history_days=config.history_days)
    servers = [
        bus.serve(ControlPlaneEndpoint(sessions), name, threads=2),
        bus.serve(doorbell.answer(DOORBELL, runner), name, threads=1),
    ]

    def stop() -> None:
        for server in servers:
            server.stop()
        runner.stop()
        bus.close()

    run_until_signal(runner.start, stop)


if __name__ == "__main__":
    main()
