"""Asks compute before an attachment is changed or deleted: what a server has is taken from it through compute only."""

from pileus_kit.web import caller
from pileus_volume.api.tools import tools
from pileus_volume.clients import compute
from pileus_volume.core import attachments
from pileus_volume.db.models import Attachment, Volume


def check_deletable(attachment: Attachment) -> None:
    """Raise UsedByServer unless a service asks, or compute doesn't know this attachment."""
    if attachment.instance_id is None or not attachments.needs_compute(attachment, caller()):
        return
    attached = compute.is_attached(tools().peers, caller(), attachment.instance_id, attachment.volume_id, attachment.id)
    attachments.check_deletable(attachment, caller(), attached)


def check_all_deletable(volume: Volume, attachment_id: str | None = None) -> None:
    """The same for the attachment with that id, or for all of the volume's."""
    for attachment in volume.attachments:
        if attachment_id in (None, attachment.id):
            check_deletable(attachment)


def check_host_deletable(volume: Volume, host: str | None, unplaced: bool = False) -> None:
    """The same for the volume's attachments to that host, or to all if it is None; `unplaced`: and to no host yet."""
    for attachment in volume.attachments:
        if host in (None, attachment.attached_host) or (unplaced and attachment.attached_host is None):
            check_deletable(attachment)
