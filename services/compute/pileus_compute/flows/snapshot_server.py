"""Make an image of a server's root disk. Of one that boots from a volume: see snapshot_volumes."""

from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.flows import images
from pileus_compute.rpc import Upload
from pileus_kit.flow import Flow, Local, Remote, Work


def upload(tools: Tools, work: Work) -> None:
    """The image's row is there since the request; the host fills it."""
    with tools.sessions.read() as session:
        host = session.get_one(Server, work.subject).host
    image_id = work.data["image_id"]
    if images.is_whole(tools, image_id):
        return
    given = images.ticket(tools, image_id, "write")
    tools.agent(str(host)).snapshot(work.subject, Upload(image_id, given.url, given.ticket, work.data["format"]))


def unupload(tools: Tools, work: Work) -> None:
    """An image that never got its bytes is of no use to anybody."""
    images.remove(tools, work.data["image_id"])


def rotate(tools: Tools, work: Work) -> None:
    """Older backups of this kind go, but for the newest ones that are to stay."""
    wanted = {
        "instance_uuid": work.subject,
        "image_type": "backup",
        "backup_type": work.data["backup_type"],
        "sort": "created_at:desc",
        "limit": "1000",
    }
    listed = tools.peers.call("image", "GET", f"/v2/images?{urlencode(wanted)}")["images"]
    for image in listed[work.data["rotation"] :]:
        images.remove(tools, image["id"])


def finish(session: Session, tools: Tools, work: Work) -> dict[str, Any]:
    """Nothing of the server changed; the step shows that the image is whole."""
    return {"uploaded": True}


snapshot_server = Flow("server.snapshot", Remote(upload, undo=unupload), Local(finish))
backup_server = Flow("server.backup", Remote(upload, undo=unupload), Remote(rotate), Local(finish))
