"""Time-based one-time passwords (RFC 6238: HMAC-SHA1, 6 digits, 30 seconds); seeds are credentials of type `totp`."""

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Iterable

STEP_SECONDS = 30
DIGITS = 6
LATE_STEPS = 1  # the code before the present one still counts: people type slowly
REMEMBERED = 10_000


class Codes:
    """Checks codes. One that was used is used up (RFC 6238, 5.2), as far as this process remembers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[str, int] = {}

    def matches(self, seeds: Iterable[tuple[str, str]], code: str) -> bool:
        """Whether it is the code of one of a user's seeds, (id, base32 text) each."""
        now = int(time.time()) // STEP_SECONDS
        found = None
        for id, seed in seeds:
            for step in range(now - LATE_STEPS, now + 1):
                wanted = at(seed, step)
                if wanted is not None and hmac.compare_digest(wanted, code.encode()):
                    found = id, step
        if found is None:
            return False
        with self._lock:
            if self._used.get(found[0], -1) >= found[1]:
                return False
            if len(self._used) >= REMEMBERED:
                self._used = {id: step for id, step in self._used.items() if step >= now - LATE_STEPS}
            self._used[found[0]] = found[1]
        return True


def at(seed: str, step: int) -> bytes | None:
    """The code of a step; None for a seed that isn't base32."""
    try:
        key = base64.b32decode(seed.upper() + "=" * (-len(seed) % 8))
    except (binascii.Error, ValueError):
        return None
    digest = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset:offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS).encode()
