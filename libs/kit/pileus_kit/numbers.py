"""Numbers that callers write as digits in queries, headers and paths."""

MAX_INTEGER = (1 << 63) - 1
"""The largest signed 64-bit integer, which is the largest one of a database."""


def parse_whole_number(text: str | None) -> int | None:
    """Return the number that these digits say, MAX_INTEGER if it is larger; None for any other text.

    Python refuses to convert thousands of digits, and SQLite integers of more than 64 bits; both would be 500.
    """
    if not text or not text.isascii() or not text.isdecimal():
        return None
    digits = text.lstrip("0") or "0"
    return MAX_INTEGER if len(digits) > len(str(MAX_INTEGER)) else min(int(digits), MAX_INTEGER)
