"""Records of what hosts did for requests, so that a request can be traced to the commands on hosts.

A request counts a generation of each host that it affects. An agent goes from one generation to the newest in one
sync, whichever requests are in between: the sync is recorded as a finished job of each of these requests.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from pileus_kit import context
from pileus_kit.db import new_id, now
from pileus_network.db.models import Event, Job, SyncRequest
from pileus_network.rpc import SyncTiming

FLOW, STEP = "host.sync", "sync"
RETENTION = timedelta(days=1)
"""How long requests of a host that is down, and records of syncs, are kept: each change of a network leaves one."""


def record_requests(session: Session, counted: dict[str, int], user_id: str | None, project_id: str | None) -> None:
    """Record that this request counted these generations: {host: generation}."""
    if not counted:
        return
    about = {
        "request_id": context.request_id.get(),
        "arrived_at": context.arrived_at.get(),
        "user_id": user_id,
        "project_id": project_id,
        "requested_at": now(),
    }
    session.execute(insert(SyncRequest), [about | {"host": host, "generation": n} for host, n in counted.items()])


def record_sync(session: Session, host: str, generation: int, failures: int, took: SyncTiming | None) -> None:
    """Record what the host did for each request up to `generation`, which it has now applied."""
    done = (
        delete(SyncRequest).where(SyncRequest.host == host, SyncRequest.generation <= generation).returning(SyncRequest)
    )
    asked = session.scalars(done.execution_options(synchronize_session=False)).all()
    if not asked or took is None:
        return
    finished = now()
    about = {"subject": host[:64], "flow": FLOW, "step": STEP}
    outcome = (
        {
            "outcome": "failed",
            "cause": f"Not everything on this host could be made ({failures} failures); its "
            "agents' configurations in the API name each.",
        }
        if failures
        else {"outcome": "done"}
    )
    jobs: list[dict[str, Any]] = [
        about
        | {
            "id": new_id(),
            "state": "done",
            "request_id": one.request_id,
            "user_id": one.user_id,
            "project_id": one.project_id,
            "arrived_at": one.arrived_at,
            "created_at": one.requested_at,
        }
        for one in asked
    ]
    session.execute(insert(Job), jobs)
    session.execute(
        insert(Event),
        [
            about
            | outcome
            | {
                "job_id": job["id"],
                "request_id": job["request_id"],
                "worker": host[:128],
                "finished_at": finished,
                "started_at": max(finished - timedelta(seconds=took.seconds), job["created_at"]),
                "spans": list(took.spans),
            }
            for job in jobs
        ],
    )


def delete_old(session: Session) -> None:
    """Delete requests and records of syncs that are older than the retention time."""
    horizon = now() - RETENTION
    session.execute(delete(SyncRequest).where(SyncRequest.requested_at < horizon))
    session.execute(delete(Job).where(Job.flow == FLOW, Job.updated_at < horizon))
    session.execute(delete(Event).where(Event.flow == FLOW, Event.finished_at < horizon))
