"""Long operations as steps kept in the database: accepted once, finished or undone, whatever is killed.

A resource row and its job row are written in one transaction; everything after that is at least once, guarded by a
lease (`owner`, `lease_until`) and a fence (`attempt`): who lost the lease can't save, and agents refuse its calls.
"""

from pileus_kit.context import Work
from pileus_kit.flow.jobs import Busy, EventColumns, JobColumns, alive, cancel, enqueue, job_indexes, live
from pileus_kit.flow.runner import Runner
from pileus_kit.flow.steps import Again, Flow, Local, Remote

__all__ = [
    "Again",
    "Busy",
    "EventColumns",
    "Flow",
    "JobColumns",
    "Local",
    "Remote",
    "Runner",
    "Work",
    "alive",
    "cancel",
    "enqueue",
    "job_indexes",
    "live",
]
