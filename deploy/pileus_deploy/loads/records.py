"""What clients were answered, and how long it took."""

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field

FEW = 50
"""With fewer answers the slowest hundredth means nothing."""


@dataclass(frozen=True)
class Figures:
    """The times of one operation, in milliseconds."""

    count: int
    p50: float
    p99: float
    longest: float

    @property
    def ratio(self) -> float:
        return self.p99 / self.p50 if self.p50 else 0.0


def figures(seconds: list[float]) -> Figures:
    ordered = sorted(seconds)
    count = len(ordered)
    return Figures(
        count, 1000 * ordered[count // 2], 1000 * ordered[min(count - 1, int(count * 0.99))], 1000 * ordered[-1]
    )


@dataclass
class Record:
    """What the clients of a stage were answered; safe to share among them."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    odd: list[str] = field(default_factory=list)
    """The bodies of the first few refusals of each kind."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, operation: str, status: int, seconds: float, text: str = "") -> None:
        with self._lock:
            self.statuses[operation, status] += 1
            if status < 400:
                self.took[operation].append(seconds)
            if (status >= 500 or status == 0) and self.statuses[operation, status] <= 3:
                self.odd.append(f"{operation}: {status} {text[:300]}")

    def count(self, least: int, most: int = 600) -> int:
        """Count answers whose status is at least `least` and below `most`; 0 stands for no answer."""
        with self._lock:
            return sum(n for (_, status), n in self.statuses.items() if least <= status < most)

    def total(self) -> int:
        return self.count(0)

    def figures(self) -> dict[str, Figures]:
        with self._lock:
            return {name: figures(took) for name, took in sorted(self.took.items()) if took}

    def unsteady(self, most: float) -> list[str]:
        """Return operations whose slowest hundredth takes more than `most` times the median."""
        return [
            f"{name}: p99 is {found.ratio:.1f} times the median"
            for name, found in self.figures().items()
            if found.count >= FEW and found.ratio > most
        ]

    def table(self) -> str:
        lines = [f"   {'operation':18} {'answers':>8} {'p50 ms':>9} {'p99 ms':>9} {'max ms':>9} {'p99/p50':>8}"]
        answered: dict[str, list[str]] = defaultdict(list)
        for (name, status), n in sorted(self.statuses.items()):
            answered[name].append(f"{status or 'no answer'} x {n}")
        known = self.figures()
        for name, said in answered.items():
            found = known.get(name)
            numbers = (
                f"{found.count:8} {found.p50:9.0f} {found.p99:9.0f} {found.longest:9.0f} {found.ratio:8.1f}"
                if found
                else " " * 47
            )
            lines.append(f"   {name:18} {numbers}  {', '.join(said)}")
        return "\n".join(lines)
