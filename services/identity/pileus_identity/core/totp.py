"""Time-based one-time passwords (RFC 6238: HMAC-SHA1, 6 digits, 30 seconds). Seeds are credentials of type `totp`."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy.orm import Session

from pileus_identity.core import nonces
from pileus_kit.db import now

STEP_S = 30
DIGITS = 6
PREVIOUS_STEPS = 1  # the code before the present one is still accepted, because people type slowly


@dataclass(frozen=True)
class Seed:
    """A user's seed: the id of its credential, and its base32 text."""

    id: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class TotpMatch:
    """The seed and the time step whose code was given."""

    seed_id: str
    step: int


def match(seeds: Iterable[Seed], code: str) -> TotpMatch | None:
    """Which of a user's seeds has this code at present."""
    present = int(time.time()) // STEP_S
    found = None
    for seed in seeds:
        generator = _generator(seed)
        for step in range(present - PREVIOUS_STEPS, present + 1):
            if generator is not None and hmac.compare_digest(generator.generate(step * STEP_S), code.encode()):
                found = TotpMatch(seed.id, step)
    return found


def use_up(session: Session, matched: TotpMatch) -> None:
    """Accept a code once (RFC 6238, 5.2), in all processes and after a restart.

    Raises AuthenticationFailed the second time.
    """
    nonces.use(session, hashlib.sha256(f"totp {matched.seed_id} {matched.step}".encode()).hexdigest(), now())


def code_at(seed: str, step: int) -> bytes | None:
    """The code of a time step; None for a seed that isn't base32."""
    generator = _generator(Seed("", seed))
    return None if generator is None else generator.generate(step * STEP_S)


def _generator(seed: Seed) -> TOTP | None:
    try:
        key = base64.b32decode(seed.text.upper() + "=" * (-len(seed.text) % 8))
    except (binascii.Error, ValueError):
        return None
    return TOTP(key, DIGITS, SHA1(), STEP_S, enforce_key_length=False)  # noqa: S303
