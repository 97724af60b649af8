"""Long operations as steps kept in the database: accepted once, then finished or undone, whichever process is killed.

A resource's row and its job's row are written in one transaction. After that every step runs at least once, guarded by
a lease (`owner`, `lease_until`) and a fence (`attempt`): a worker that lost its lease can't save progress, and agents
refuse its calls.
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
