"""Times as callers write them."""

from datetime import UTC, datetime

from pileus_identity.errors import Invalid


def read(name: str, text: str) -> datetime:
    """ISO 8601, in UTC where it names no zone. Raises Invalid, also for what is no time in UTC any more."""
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid(why=f"{name} has to be an ISO 8601 time.") from None
