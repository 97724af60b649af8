"""Timestamps as listings show them."""

from datetime import UTC, datetime

MAX_SHOWN_TIME = 253402300799  # the last second of the year 9999: dates of HTTP and of ISO 8601 express none later


def iso(timestamp: str) -> str:
    """A timestamp like 2026-01-02T03:04:05.678900."""
    seconds, _, fraction = timestamp.partition(".")
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return (
        f"{moment.year:04}-{moment.month:02}-{moment.day:02}T{moment.hour:02}:{moment.minute:02}:{moment.second:02}."
        f"{fraction[:6].ljust(6, '0')}"
    )


def whole_seconds(timestamp: str) -> str:
    """A timestamp like 2026-01-02T03:04:06.000Z, as S3 shows it: rounded up, so that it equals Last-Modified."""
    seconds, _, fraction = timestamp.partition(".")
    moment = datetime.fromtimestamp(int(seconds) + bool(fraction.strip("0")), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
