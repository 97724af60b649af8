"""A ring tells a worker that a job waits. It may be lost: the job is in the database, the worker looks there anyway."""

import logging
import queue
import threading

from pileus_kit.errors import HostDown
from pileus_kit.flow.runner import Runner
from pileus_kit.rpc import Bus, Interface, cast

log = logging.getLogger(__name__)


def doorbell(topic: str) -> type[Interface]:
    """The contract of the workers behind `topic`, e.g. "compute.jobs"."""

    class Doorbell(Interface, topic=topic, version="1.0"):
        @cast(since="1.0")
        def ring(self, job_id: str) -> None:
            """Look at this job now."""

    return Doorbell


def answer(topic: str, runner: Runner) -> Interface:
    """What a worker serves on its bus so that rings reach its runner."""

    class Door(doorbell(topic)):  # type: ignore[misc]
        def ring(self, job_id: str) -> None:
            runner.ring(job_id)

    return Door()


class Ringer:
    """Rings from request threads: never waits, never raises. One background thread sends; a dead bus drops rings."""

    def __init__(self, url: str, topic: str) -> None:
        self._url, self._topic = url, topic
        self._jobs: queue.Queue[str] = queue.Queue(maxsize=1000)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def ring(self, job_id: str) -> None:
        self._start()
        try:
            self._jobs.put_nowait(job_id)
        except queue.Full:
            log.warning("the bus is slow: ring for job %s dropped; the worker finds it at its next poll", job_id)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._send, name="ringer", daemon=True)
                self._thread.start()

    def _send(self) -> None:
        door = Bus(self._url).client(doorbell(self._topic))
        while True:
            job_id = self._jobs.get()
            try:
                door.ring(job_id)  # type: ignore[attr-defined]
            except HostDown as err:
                log.warning("ring for job %s lost (%s); the worker finds it at its next poll", job_id, err)
