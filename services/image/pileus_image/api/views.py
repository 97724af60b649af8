"""Images and what belongs to them, as clients see them."""

from datetime import datetime
from typing import Any

from pileus_image.db.models import Job, Member

PLAIN = ("id", "name", "status", "visibility", "owner", "protected", "os_hidden", "container_format", "disk_format",
         "min_disk", "min_ram", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "tags")


def time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def image(row: Any, store: str) -> dict[str, Any]:
    """An Image, or a row of a list with the same attributes. Properties never hide an attribute."""
    view = dict(row.properties)
    for name in PLAIN:
        view[name] = getattr(row, name)
    view["created_at"], view["updated_at"] = time(row.created_at), time(row.updated_at)
    view["self"], view["schema"] = f"/v2/images/{row.id}", "/v2/schemas/image"
    view["file"] = f"/v2/images/{row.id}/file"
    if row.status in ("active", "deactivated"):
        view["stores"] = store
    return view


def member(row: Member) -> dict[str, Any]:
    return {"image_id": row.image_id, "member_id": row.member_id, "status": row.status,
            "created_at": time(row.created_at), "updated_at": time(row.updated_at), "schema": "/v2/schemas/member"}


STATUS = {"running": "processing", "undoing": "processing", "stuck": "processing", "done": "success",
          "undone": "failure"}


def task(job: Job) -> dict[str, Any]:
    """An import's job as a task."""
    request = {"method": job.data["method"]}
    return {
        "id": job.id, "type": "api_image_import", "status": STATUS[job.state], "owner": job.project_id,
        "input": {"image_id": job.subject, "import_req": request, "backend": [job.data["store"]]},
        "result": {"image_id": job.subject} if job.state == "done" else None, "message": job.error or "",
        "image_id": job.subject, "request_id": job.request_id, "user_id": job.user_id, "expires_at": None,
        "created_at": time(job.created_at), "updated_at": time(job.updated_at), "self": f"/v2/tasks/{job.id}",
        "schema": "/v2/schemas/task",
    }
