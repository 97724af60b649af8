"""Make an image of a server's root disk. A server that boots from a volume has `snapshot_volumes` in its place."""

from sqlalchemy.orm import Session

from pileus_compute.clients import image
from pileus_compute.core.job_data import Added, SnapshotServerData
from pileus_compute.core.tools import Tools
from pileus_compute.steps.images import upload_root_disk
from pileus_kit.flow import Flow, Local, Remote, Work

MAX_BACKUPS = 1000  # of one type, among which the oldest are found


def upload(tools: Tools, work: Work) -> None:
    """The image exists since the request; the host fills it."""
    data = work.data_as(SnapshotServerData)
    upload_root_disk(tools, work.subject, data.image_id, data.format)


def delete_image(tools: Tools, work: Work) -> None:
    """Undo of `upload`: an image without data is of no use."""
    image.ensure_image_deleted(tools.peers, work.data_as(SnapshotServerData).image_id)


def delete_old_backups(tools: Tools, work: Work) -> None:
    """Delete the backups of this type but for the newest `rotation`."""
    data = work.data_as(SnapshotServerData)
    filters = {
        "instance_uuid": work.subject,
        "image_type": "backup",
        "backup_type": data.backup_type,
        "sort": "created_at:desc",
        "limit": str(MAX_BACKUPS),
    }
    for backup in image.list_images(tools.peers, filters.items())[data.rotation :]:
        image.ensure_image_deleted(tools.peers, backup["id"])


def mark_uploaded(session: Session, tools: Tools, work: Work) -> Added:
    """Nothing of the server changed; the step shows that the image is whole."""
    return {"uploaded": True}


snapshot_server = Flow("server.snapshot", Remote(upload, undo=delete_image), Local(mark_uploaded))
backup_server = Flow(
    "server.backup", Remote(upload, undo=delete_image), Remote(delete_old_backups), Local(mark_uploaded)
)
