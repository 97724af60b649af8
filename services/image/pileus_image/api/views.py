"""Images and what belongs to them, as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from pileus_image.core import attributes
from pileus_image.db.models import Image, Job, Member

_shown = attrgetter(*attributes.SHOWN)


def time(moment: datetime) -> str:
    """In UTC, to the second. Lists of a thousand images spend their time here; strftime takes ten times as long."""
    return moment.isoformat()[:19] + "Z"


def image(row: Image, store: str) -> dict[str, Any]:
    return listed(_shown(row), store)


def listed(values: Sequence[Any], store: str) -> dict[str, Any]:
    """One row of a list, the values of attributes.SHOWN. Properties never hide an attribute."""
    *plain, created_at, updated_at, properties = values
    path = f"/v2/images/{plain[0]}"
    view: dict[str, Any] = properties | dict(zip(attributes.PLAIN, plain, strict=True))
    view |= {
        "created_at": time(created_at),
        "updated_at": time(updated_at),
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }
    if view["status"] in ("active", "deactivated"):
        view["stores"] = store
    return view


def member(row: Member) -> dict[str, Any]:
    return {
        "image_id": row.image_id,
        "member_id": row.member_id,
        "status": row.status,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "schema": "/v2/schemas/member",
    }


STATUS = {
    "running": "processing",
    "undoing": "processing",
    "stuck": "processing",
    "done": "success",
    "undone": "failure",
}


def task(job: Job) -> dict[str, Any]:
    """An import's job as a task."""
    asked = job.data.get("task")  # when a task made the image
    request = {"image_id": job.subject, "import_req": {"method": job.data["method"]}, "backend": [job.data["store"]]}
    return {
        "id": job.id,
        "type": "import" if asked else "api_image_import",
        "status": STATUS[job.state],
        "owner": job.project_id,
        "input": asked or request,
        "result": {"image_id": job.subject} if job.state == "done" else None,
        "message": job.error or "",
        "image_id": job.subject,
        "request_id": job.request_id,
        "user_id": job.user_id,
        "expires_at": None,
        "created_at": time(job.created_at),
        "updated_at": time(job.updated_at),
        "self": f"/v2/tasks/{job.id}",
        "schema": "/v2/schemas/task",
    }
