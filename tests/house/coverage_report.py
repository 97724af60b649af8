"""Shows which share of each room the unit and functional tests ran: `tox -e coverage` after those two.

Exit status 1 if a share is below its limit in limits.toml.
"""

import sys
from collections import Counter
from pathlib import Path

from coverage import Coverage
from source import LIMITS, TOP


def room_of(path: Path) -> str:
    """Return `kit`, or a service and its room: `compute/core`."""
    parts = path.relative_to(TOP).parts
    return parts[1] if parts[0] == "libs" else f"{parts[1]}/{parts[3].removesuffix('.py')}"


def limit(room: str) -> float:
    limits: dict[str, float] = LIMITS["coverage"]
    return limits.get(room, limits.get(room.rpartition("/")[2], 0.0))


def main() -> int:
    measured = Coverage(data_file=str(TOP / ".coverage"), config_file=str(TOP / "pyproject.toml"))
    measured.load()
    lines: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for name in measured.get_data().measured_files():
        path = Path(name)
        if not path.exists():
            continue
        _, statements, _, missing, _ = measured.analysis2(name)
        lines[room_of(path)] += len(statements)
        missed[room_of(path)] += len(missing)
    if not +lines:
        print("nothing was measured: run `tox -e unit` and `tox -e functional` first")
        return 1
    low = 0
    for room in sorted(+lines):
        share, least = 1 - missed[room] / lines[room], limit(room)
        low += share < least
        kept = "" if not least else f"at least {least:.0%}" + ("" if share >= least else ": LOW")
        print(f"{room:24} {share:6.1%} of {lines[room]:5} lines  {kept}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
