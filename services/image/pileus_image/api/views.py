"""Images, members and tasks as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from pileus_image.core import attributes
from pileus_image.db.models import Image, Job, Member
from pileus_kit.json_types import JsonObject

_view_columns = attrgetter(*attributes.VIEW_COLUMNS)


def time(moment: datetime) -> str:
    """Return a UTC time to the second. It is called for each row of a list, and strftime is ten times slower."""
    return moment.isoformat()[:19] + "Z"


def image(image: Image, stores: str | None) -> JsonObject:
    """Return the view of an image whose data is in `stores`, which have commas between them."""
    return image_row(_view_columns(image), stores)


def image_row(values: Sequence[Any], stores: str | None) -> JsonObject:
    """Return the view of a list's row, the values of attributes.VIEW_COLUMNS. Properties never hide an attribute."""
    *plain, created_at, updated_at, properties = values
    path = f"/v2/images/{plain[0]}"
    view: JsonObject = properties | dict(zip(attributes.PLAIN_ATTRIBUTES, plain, strict=True))
    view |= {
        "created_at": time(created_at),
        "updated_at": time(updated_at),
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }
    if stores and view["status"] in ("active", "deactivated"):
        view["stores"] = stores
    return view


def member(row: Member) -> JsonObject:
    """Return the view of a member."""
    return {
        "image_id": row.image_id,
        "member_id": row.member_id,
        "status": row.status,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "schema": "/v2/schemas/member",
    }


TASK_STATUSES = {
    "running": "processing",
    "undoing": "processing",
    "stuck": "processing",
    "done": "success",
    "undone": "failure",
}


def task(job: Job) -> JsonObject:
    """Return the job of an import as a task. Its type says whether a task created the image."""
    task_input = job.data.get("task")
    stores = job.data.get("stores") or [job.data["store"]]
    request = {"image_id": job.subject, "import_req": {"method": job.data["method"]}, "backend": stores}
    return {
        "id": job.id,
        "type": "import" if task_input else "api_image_import",
        "status": TASK_STATUSES[job.state],
        "owner": job.project_id,
        "input": task_input or request,
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
