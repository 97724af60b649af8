"""The worker process: runs imports and deletes orphaned blobs. `python -m pileus_image.worker --config FILE`."""

import sys
from collections.abc import Sequence

from pileus_image.clients import objectstore
from pileus_image.config import Config
from pileus_image.core.imports import DOORBELL
from pileus_image.core.tools import Tools, make_tools
from pileus_image.daemons.blob_copier import BlobCopier
from pileus_image.daemons.blob_reaper import BlobReaper
from pileus_image.db.models import Event, Job
from pileus_image.flows import FLOWS
from pileus_kit import doorbell, process
from pileus_kit.db import new_id
from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.rpc import Bus, Server

FLOW_THREADS = 2


class Worker:
    """Everything that the worker process runs. Any number of workers may share a database."""

    def __init__(self, config: Config) -> None:
        self._name = f"{config.host}-{new_id()[:8]}"
        self._bus = Bus(config.bus)
        self._tools = make_tools(config, self._ring, objectstore.container_opener(Peers(config)))
        self._runner = runner_of(self._tools, self._name)
        self._reaper = BlobReaper(self._tools)
        self._copier = BlobCopier(self._tools)
        self._servers: list[Server] = []

    def _ring(self, job_id: str) -> None:
        self._runner.ring(job_id)

    def start(self) -> None:
        """Begin to run jobs, to listen for notifications about them, and to delete orphaned blobs."""
        self._runner.start()
        self._reaper.start()
        self._copier.start()
        self._servers = [self._bus.serve(doorbell.answer(DOORBELL, self._runner), self._name, threads=1)]

    def stop(self) -> None:
        """Let the steps that are running end, then return."""
        for server in self._servers:
            server.stop()
        self._runner.stop()
        self._reaper.stop()
        self._copier.stop()
        self._bus.close()
        self._tools.sessions.dispose()


def runner_of(tools: Tools, worker: str, threads: int = FLOW_THREADS) -> Runner:
    """Return the runner of the worker with this name."""
    days = tools.config.history_days
    return Runner(tools.sessions, Job, Event, FLOWS, tools, worker, threads=threads, history_days=days)


def main(argv: Sequence[str] | None = None) -> None:
    """Work until a signal ends the process."""
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "image-worker")
    worker = Worker(config)
    process.run_until_signal(worker.start, worker.stop)


if __name__ == "__main__":
    main()
