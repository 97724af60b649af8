"""What a check of `pileus doctor` finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One finding. `mend` is the command that repairs it, "" where there is none; `machine` is where, "" for here."""

    check: str
    severity: str  # error, warning or info
    thing: str
    cause: str
    evidence: str
    mend: str = ""
    machine: str = ""
