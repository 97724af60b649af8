"""What a look for damage finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`mend`: the command that mends it, "" where nobody knows one."""

    check: str
    severity: str  # error, warning or info
    thing: str
    cause: str
    evidence: str
    mend: str = ""
