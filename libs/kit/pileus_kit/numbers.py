"""Numbers that callers write in digits: in queries, headers, paths."""

MAX_INTEGER = (1 << 63) - 1  # as far as a database counts


def parse_whole_number(text: str | None) -> int | None:
    """What these digits say, MAX_INTEGER if it is more; None for anything else.

    Python refuses to read thousands of digits, and SQLite to look for more than 64 bits: a caller must not get there.
    """
    if not text or not text.isascii() or not text.isdecimal():
        return None
    digits = text.lstrip("0") or "0"
    return MAX_INTEGER if len(digits) > len(str(MAX_INTEGER)) else min(int(digits), MAX_INTEGER)
