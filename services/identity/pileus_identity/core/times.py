"""Times as this API reads and writes them."""

from datetime import UTC, datetime, timedelta

from pileus_identity.errors import ValidationFailed
from pileus_kit.db import now


def parse_time(name: str, text: str) -> datetime:
    """Read an ISO 8601 time, which is in UTC unless it names a zone.

    Raises ValidationFailed if it is no time, or one that UTC can't express.
    """
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValidationFailed(why=f"{name} has to be an ISO 8601 time.") from None


def parse_future_time(name: str, text: str | None) -> datetime | None:
    """Like `parse_time`, for a time that may be absent and must not have passed."""
    if text is None:
        return None
    at = parse_time(name, text)
    if at <= now():
        raise ValidationFailed(why=f"{name} has to lie in the future.")
    return at


def format_time(at: datetime | None) -> str | None:
    """Write 2026-11-22T14:05:31.000000Z, the form of times in this API."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_past(at: datetime | None) -> bool:
    """Whether an expiry has passed; None never does."""
    return at is not None and at <= now()


def expires_after(seconds: int) -> datetime | None:
    """When something that starts now expires; 0 seconds mean never."""
    return now() + timedelta(seconds=seconds) if seconds > 0 else None
