"""Imports: what may be asked for, when, and how an image shows it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from pileus_image.core import images
from pileus_image.core.uploads import give_up
from pileus_image.db.models import Image, Job
from pileus_image.errors import WrongState
from pileus_kit.auth import Caller
from pileus_kit.flow import enqueue

METHODS = ("glance-direct", "web-download")
FLOW = "image.import"


def start(session: Session, caller: Caller, image: Image, request: Mapping[str, Any], store: str) -> Job:
    """Record the import and its job. Raises WrongState, Invalid."""
    images.require_formats(image)
    method = request["method"]["name"]
    if method == "glance-direct" and image.status != "uploading":
        raise WrongState(why=f"Image needs to be staged before '{method}' method can be used; it is {image.status}")
    if method == "web-download" and image.status != "queued":
        raise WrongState(why=f"Image needs to be in 'queued' state to use '{method}' method; it is {image.status}")
    images.move(session, image.id, "import_staged" if method == "glance-direct" else "import_download")
    note(session, image.id, importing=store, failed="")
    return enqueue(
        session,
        Job,
        flow=FLOW,
        subject=image.id,
        caller=caller,
        data={"method": dict(request["method"]), "store": store},
    )


def create_by_task(session: Session, caller: Caller, wish: Mapping[str, Any], store: str) -> Job:
    """The older way: one task that makes an image and imports it from a URL. Raises as `images.create` and `start`."""
    image = images.create(session, caller, wish["image_properties"])
    job = start(session, caller, image, {"method": {"name": "web-download", "uri": wish["import_from"]}}, store)
    job.data = job.data | {"task": dict(wish)}
    return job


def note(session: Session, image_id: str, importing: str, failed: str) -> None:
    """What clients that poll an import look at: the stores it is on its way to, and those it failed for."""
    image = session.get(Image, image_id)
    if image is not None:
        shown = {"os_glance_importing_to_stores": importing, "os_glance_failed_import": failed}
        session.execute(
            update(Image)
            .where(Image.id == image_id)
            .values(properties=image.properties | shown)
            .execution_options(synchronize_session="fetch")
        )


def fail(session: Session, image: Image, store: str) -> None:
    note(session, image.id, importing="", failed=store)
    if image.blob:
        give_up(session, image.blob)
    else:
        images.move(session, image.id, "give_up")
