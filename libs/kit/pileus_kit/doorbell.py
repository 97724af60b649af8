"""A ring tells a worker that a job waits. It may be lost: the job is in the database, and the worker polls it anyway.

jobs = JobNotifier(config.bus, "compute.jobs")      # in the API
jobs.notify(job.id)                                  # after the commit
bus.serve(answer("compute.jobs", runner), host)      # in the worker
"""

from collections.abc import Callable

from pileus_kit.flow.runner import Runner
from pileus_kit.notifier import Notifier
from pileus_kit.rpc import Bus, Interface, cast


def doorbell(topic: str) -> type[Interface]:
    """Return the contract of the workers behind `topic`, e.g. "compute.jobs"."""

    class Doorbell(Interface, topic=topic, version="1.0"):
        @cast(since="1.0")
        def ring(self, job_id: str) -> None:
            """Look at this job now."""

    return Doorbell


def answer(topic: str, runner: Runner) -> Interface:
    """Return what a worker serves on its bus so that rings reach its runner."""

    class Door(doorbell(topic)):  # type: ignore[misc]
        def ring(self, job_id: str) -> None:
            runner.ring(job_id)

    return Door()


class JobNotifier(Notifier[str]):
    """Notifies the workers behind `topic` of jobs, by id."""

    def __init__(self, url: str, topic: str) -> None:
        def open_sender(bus: Bus) -> Callable[[str], None]:
            ring: Callable[[str], None] = bus.client(doorbell(topic)).ring  # type: ignore[attr-defined]
            return ring

        super().__init__(url, "job notifier", open_sender)

    def ring(self, job_id: str) -> None:
        """Notify a worker of the job; the same as `notify`."""
        self.notify(job_id)
