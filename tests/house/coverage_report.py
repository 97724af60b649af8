"""Shows how many lines of the kit and of each core the unit and functional tests ran: `tox -e coverage` after those two.

Exit status 1 if a share is below its limit in limits.toml.
"""

import sys
from collections import Counter
from pathlib import Path

from coverage import Coverage
from source import LIMITS, TOP

UNMEASURED = ("testing", "migrations")


def room_of(path: Path) -> str:
    """`pileus_kit`, or a service's package and room: `pileus_compute.core`."""
    parts = path.relative_to(TOP).parts
    return parts[2] if parts[0] == "libs" else f"{parts[2]}.{parts[3]}"


def main() -> int:
    measured = Coverage(data_file=str(TOP / ".coverage"), config_file=str(TOP / "pyproject.toml"))
    measured.load()
    lines: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for name in measured.get_data().measured_files():
        path = Path(name)
        if not path.exists() or not set(UNMEASURED).isdisjoint(path.parts):
            continue
        _, statements, _, missing, _ = measured.analysis2(name)
        lines[room_of(path)] += len(statements)
        missed[room_of(path)] += len(missing)
    if not +lines:
        print("nothing was measured: run `tox -e unit` and `tox -e functional` first")
        return 1
    low = 0
    for room in sorted(+lines):
        share, least = 1 - missed[room] / lines[room], LIMITS["coverage"].get(room, LIMITS["coverage"]["others"])
        low += share < least
        print(
            f"{room:28} {share:6.1%} of {lines[room]:5} lines (at least {least:.0%}){'' if share >= least else '  LOW'}"
        )
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
