"""Time-based one-time passwords (RFC 6238: HMAC-SHA1, 6 digits, 30 seconds); seeds are credentials of type `totp`."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable

from sqlalchemy.orm import Session

from pileus_identity.core import nonces
from pileus_kit.db import now

STEP_SECONDS = 30
DIGITS = 6
LATE_STEPS = 1  # the code before the present one still counts: people type slowly

Match = tuple[str, int]  # a seed's id and the step whose code was given


def find(seeds: Iterable[tuple[str, str]], code: str) -> Match | None:
    """The one of a user's seeds, (id, base32 text) each, that the code is of."""
    present = int(time.time()) // STEP_SECONDS
    found = None
    for id, seed in seeds:
        for step in range(present - LATE_STEPS, present + 1):
            wanted = at(seed, step)
            if wanted is not None and hmac.compare_digest(wanted, code.encode()):
                found = id, step
    return found


def use_up(session: Session, match: Match) -> None:
    """A code counts once (RFC 6238, 5.2), in all processes and after a restart. Raises LoginFailed the second time."""
    nonces.use(session, hashlib.sha256(f"totp {match[0]} {match[1]}".encode()).hexdigest(), now())


def at(seed: str, step: int) -> bytes | None:
    """The code of a step; None for a seed that isn't base32."""
    try:
        key = base64.b32decode(seed.upper() + "=" * (-len(seed) % 8))
    except (binascii.Error, ValueError):
        return None
    digest = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS).encode()
