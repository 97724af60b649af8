"""Send a volume's content to an image that the image service has made for its owner already."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Again, Flow, Local, Remote, Work
from pileus_kit.peers import PeerRefused
from pileus_volume.core import hosts, messages
from pileus_volume.core.states import move
from pileus_volume.db.models import Volume
from pileus_volume.flows.freezing import freeze, melt
from pileus_volume.flows.tickets import ticket
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import StorageAgent

GONE = 404
SAVING_S = 2.0


def _agent(tools: Tools, work: Work) -> StorageAgent:
    return tools.agent(hosts.name_of(work.data["host"]))


def hold(tools: Tools, work: Work) -> None:
    """What is sent is the content of one moment, whoever writes meanwhile."""
    freeze(tools, _agent(tools, work), work.subject, work.data["image"]["id"])


def release(tools: Tools, work: Work) -> None:
    melt(tools, _agent(tools, work), work.subject, work.data["image"]["id"])


def send(tools: Tools, work: Work) -> None:
    image = work.data["image"]
    status = tools.peers.call("image", "GET", f"/v2/images/{image['id']}")["status"]
    if status == "active":  # an earlier attempt got through
        return
    if status == "saving":
        raise Again(after=SAVING_S, why="an earlier attempt is still writing the image, or has died doing so")
    right = ticket(tools, image["id"], "write")
    _agent(tools, work).upload(work.subject, image["id"], image["disk_format"], right)


def unhold(tools: Tools, work: Work) -> None:
    """The image goes with it: one without content is of no use to anybody."""
    release(tools, work)
    try:
        tools.peers.call("image", "DELETE", f"/v2/images/{work.data['image']['id']}")
    except PeerRefused as err:
        if err.status != GONE:
            raise


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "uploaded")


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "uploading":
        move(session, volume, "uploaded")
        messages.tell(session, volume, "upload", work.error or "")


upload_volume = Flow(
    "volume.upload", Remote(hold, undo=unhold), Remote(send), Remote(release), Local(finish), failed=failed
)
