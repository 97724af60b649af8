"""Rescue: a server boots from another image, with its own root disk beside it."""

from pileus_compute.api.requests.block_devices import require_data
from pileus_compute.api.requests.boot_sources import find_image
from pileus_compute.api.requests.server_requests import new_password
from pileus_compute.api.schemas.types import PASSWORD, UUID, body
from pileus_compute.api.server_actions import AfterCommit, accepted, action, start
from pileus_compute.core import boot_images, server_jobs
from pileus_compute.core.job_data import RescueServerData, as_json
from pileus_compute.db.models import Server
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.web import caller, version

RULE = "os_compute_api:os-rescue"
UNRESCUE_RULE = "os_compute_api:os-unrescue"
RESCUE = {
    (2, 1): body(
        "rescue",
        {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {"adminPass": PASSWORD, "rescue_image_ref": UUID},
        },
    )
}


@action("rescue", policy=RULE, schemas=RESCUE)
def rescue(session: Session, server: Server, value: JsonObject | None) -> AfterCommit:
    value = value or {}
    image_id = value.get("rescue_image_ref") or server.image_id
    if image_id is None or (server.image_id is None and version() < (2, 87)):
        raise BadRequest(why=f"Instance {server.id} cannot be rescued: Cannot rescue a volume-backed instance")
    same = image_id == server.image_id
    facts = server.image if same else boot_images.facts_of(require_data(find_image(image_id)))
    password = value.get("adminPass") or new_password()
    data = as_json(RescueServerData(image_id, facts))
    job = server_jobs.start_job(session, server, "rescue", "server.rescue", caller(), data)
    server.admin_password = password if server.config_drive else None
    return accepted(job, {"adminPass": password}, status=200)


@action("unrescue", policy=UNRESCUE_RULE)
def unrescue(session: Session, server: Server, value: object) -> AfterCommit:
    return start(session, server, "unrescue", "server.unrescue")
