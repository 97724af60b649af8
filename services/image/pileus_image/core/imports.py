"""Interoperable imports: when one may start, how its image shows it, and the tasks that clients follow it by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_image.core import blobs, image_conversion, images
from pileus_image.db.models import Image, Job
from pileus_image.errors import Invalid, NoSuchResource, WrongState
from pileus_kit.auth import Caller
from pileus_kit.flow import enqueue
from pileus_kit.json_types import JsonObject

METHODS = ("glance-direct", "web-download")
COPY_METHOD = "copy-image"
"""The method of a cloud with several stores: an active image gets copies in others."""
FLOW, COPY_FLOW = "image.import", "image.copy"
DOORBELL = "image.jobs"
"""The topic on which workers are notified of jobs."""
MAX_TASKS = 1000

Method = Literal["glance-direct", "web-download", "copy-image"]


@dataclass(frozen=True)
class ImportMethod:
    """`uri` is what web-download reads; None with other methods, which take what was staged or is there."""

    name: Method
    uri: str | None = None


@dataclass(frozen=True)
class Destinations:
    """The stores that are to have the data, at least one, and whether it is a failure if only some take it."""

    stores: tuple[str, ...]
    all_must_succeed: bool = True


@dataclass(frozen=True)
class ImportData:
    """What the job of an import knows. `task` is the input of the task that created the image, if one did.

    `stores` is empty where `store` is the only one. `disk_format` is the image's if the import converts it.
    """

    method: ImportMethod
    store: str
    stores: tuple[str, ...] = ()
    all_must_succeed: bool = True
    disk_format: str | None = None
    task: JsonObject | None = None

    @property
    def destinations(self) -> Destinations:
        """Where the data goes."""
        return Destinations(self.stores or (self.store,), self.all_must_succeed)


def methods(several_stores: bool) -> tuple[str, ...]:
    """Return the names of the import methods of a cloud with one store, or with several."""
    return (*METHODS, COPY_METHOD) if several_stores else METHODS


def present(store: str) -> Invalid:
    """Return the error for an image that is to be copied to where it is."""
    return Invalid(why=f"Image is already present at store '{store}'")


def start(
    session: Session,
    caller: Caller,
    image: Image,
    method: ImportMethod,
    to: Destinations,
    task: JsonObject | None = None,
    *,
    output_format: str = "",
) -> Job:
    """Move the image to importing and enqueue the job, which converts the data if there is an `output_format`.

    Raises WrongState, Invalid.
    """
    images.require_formats(image)
    if method.name == "glance-direct" and image.status != "uploading":
        raise WrongState(
            why=f"Image needs to be staged before '{method.name}' method can be used; it is {image.status}"
        )
    if method.name == "web-download" and image.status != "queued":
        raise WrongState(why=f"Image needs to be in 'queued' state to use '{method.name}' method; it is {image.status}")
    images.move(session, image.id, "import_staged" if method.name == "glance-direct" else "import_download")
    data = _job_data(method, to)
    if image_conversion.wants(image, output_format):
        data["disk_format"] = image.disk_format
    if task is not None:
        data["task"] = task
    return _enqueue(session, caller, image, FLOW, data, to)


def start_copy(session: Session, caller: Caller, image: Image, to: Destinations) -> Job:
    """Enqueue the job that copies an active image to further stores (`image_copies.choose`). Raises Busy."""
    return _enqueue(session, caller, image, COPY_FLOW, _job_data(ImportMethod("copy-image"), to), to)


def _enqueue(session: Session, caller: Caller, image: Image, flow: str, data: JsonObject, to: Destinations) -> Job:
    show_stores(session, image.id, importing=",".join(to.stores), failed="")
    return enqueue(session, Job, flow=flow, subject=image.id, caller=caller, data=data)


def _job_data(method: ImportMethod, to: Destinations) -> JsonObject:
    """Return the job's data; one for one store is as it always was, so that a worker of an older release can run it."""
    data: JsonObject = {"method": {"name": method.name}, "store": to.stores[0]}
    if method.uri is not None:
        data["method"]["uri"] = method.uri
    if len(to.stores) > 1:
        data |= {"stores": list(to.stores), "all_must_succeed": to.all_must_succeed}
    return data


def create_by_task(session: Session, caller: Caller, task: JsonObject, store: str, output_format: str = "") -> Job:
    """Create an image and import it from a URL, as the older tasks API does. `task` is its checked input.

    Raises what `images.parse`, `images.create` and `start` raise.
    """
    to = Destinations((store,))
    request = images.parse(task["image_properties"], caller.project_id)
    image = images.create(session, caller, request)
    method = ImportMethod("web-download", task["import_from"])
    return start(session, caller, image, method, to, task=dict(task), output_format=output_format)


def show_stores(session: Session, image_id: str, importing: str, failed: str) -> None:
    """Set the properties that clients poll: the stores that data is on its way to, and those that it failed for."""
    image = session.get(Image, image_id, with_for_update=True)
    if image is not None:
        shown = {"os_glance_importing_to_stores": importing, "os_glance_failed_import": failed}
        session.execute(
            update(Image)
            .where(Image.id == image_id)
            .values(properties=image.properties | shown)
            .execution_options(synchronize_session="fetch")
        )


def fail(session: Session, image: Image, to: Destinations, disk_format: str | None = None) -> None:
    """End an import without data: the image is queued again and names the stores that it failed for.

    `disk_format` is what it had before a conversion.
    """
    show_stores(session, image.id, importing="", failed=",".join(to.stores))
    if disk_format is not None:
        image.disk_format = disk_format
    blobs.orphan_copies(session, image)
    if image.blob:
        blobs.give_up(session, image.blob)
    else:
        images.move(session, image.id, "give_up")


def list_tasks(session: Session, image_id: str | None = None, project_id: str | None = None) -> Sequence[Job]:
    """Return the newest imports first, at most MAX_TASKS: all of them, an image's, or those that a project started."""
    stmt = select(Job).order_by(Job.created_at.desc()).limit(MAX_TASKS)
    if image_id is not None:
        stmt = stmt.where(Job.subject == image_id)
    if project_id is not None:
        stmt = stmt.where(Job.project_id == project_id)
    return session.scalars(stmt).all()


def find_task(session: Session, task_id: str, project_id: str | None = None) -> Job:
    """Return the import of this id; with `project_id` only if that project started it. Raises NoSuchResource."""
    job = session.get(Job, task_id)
    if job is None or (project_id is not None and job.project_id != project_id):
        raise NoSuchResource(what=f"Task {task_id[:64]}")
    return job
