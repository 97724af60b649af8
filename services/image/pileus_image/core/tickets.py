"""Tickets let a host without credentials read or write the data of one image for a while.

A ticket is base64url(JSON claim) "." hex(HMAC-SHA256 of the first part). The key is in the state directory.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import Unauthorized

Action = Literal["read", "write", "copy"]
"""To read or write an image's data, or to copy a blob to another control machine: its id stands for the image's."""


@dataclass(frozen=True)
class Claim:
    """What a ticket allows. `expires` is in seconds since the epoch."""

    image_id: str
    action: Action
    expires: float


class Tickets:
    """Issues and checks tickets with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def at(cls, path: Path) -> "Tickets":
        """Return tickets with the key in `path`, which is created with mode 0600 if it isn't there."""
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        if not path.exists():
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
            try:
                os.link(draft, path)  # only one of several processes that start together can link its draft
            except FileExistsError:
                pass
            draft.unlink()
        return cls(path.read_bytes())

    def issue(self, image_id: str, action: Action, seconds: float) -> str:
        """Return a ticket that is valid for so many seconds."""
        claim = Claim(image_id, action, time.time() + seconds)
        payload = base64.urlsafe_b64encode(msgspec.json.encode(asdict(claim))).decode().rstrip("=")
        return f"{payload}.{self._sign(payload)}"

    def check(self, ticket: str, image_id: str, action: Action) -> None:
        """Raise Unauthorized unless the ticket was issued with our key for this, and has not expired."""
        payload, _, signature = ticket.partition(".")
        if len(ticket) > 1024 or not ticket.isascii() or not hmac.compare_digest(signature, self._sign(payload)):
            raise Unauthorized()
        try:
            claim = decoding.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), Claim)
        except (msgspec.MsgspecError, binascii.Error):
            raise Unauthorized() from None
        if (claim.image_id, claim.action) != (image_id, action) or claim.expires < time.time():
            raise Unauthorized()

    def _sign(self, payload: str) -> str:
        return hmac.new(self._key, payload.encode(), hashlib.sha256).hexdigest()
