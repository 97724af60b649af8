"""A disk that a server has is taken from it through compute only: else the server would go on writing to it while
somebody else has it already (OSSA-2023-003)."""

from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller, tools
from pileus_volume.db.models import Attachment
from pileus_volume.errors import UsedByServer

UNKNOWN = 404
VERSION = "2.89"  # from here on compute tells the attachment's id


def refuse_if_used(attachment: Attachment) -> None:
    """Raise UsedByServer unless a service asks, or compute doesn't know of this attachment."""
    if caller().is_service or attachment.instance_id is None:
        return
    path = f"/v2.1/servers/{attachment.instance_id}/os-volume_attachments/{attachment.volume_id}"
    try:
        known = tools().peers.call("compute", "GET", path, caller=caller(), microversion=VERSION)["volumeAttachment"]
    except PeerRefused as err:
        if err.status == UNKNOWN:
            return
        raise
    if known.get("attachment_id") in (None, attachment.id):
        raise UsedByServer(instance=attachment.instance_id)
