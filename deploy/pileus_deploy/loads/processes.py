"""What the processes of a cloud use: memory and CPU time."""

import json
from typing import Any

from pileus_deploy.bench import cpu_ms
from pileus_deploy.plan import Plan
from pileus_deploy.status import process_tree, pss_mib


def known(plan: Plan) -> dict[str, list[int]]:
    """Return the process ids of each process by its name."""
    file = json.loads((plan.state / "run" / "supervisor.json").read_text())
    return {name: process_tree(about["pid"]) for name, about in file["processes"].items() if about["pid"]}


def memory(plan: Plan) -> dict[str, float]:
    """Return PSS in MiB by process name."""
    return {name: sum(pss_mib(pid) for pid in pids) for name, pids in known(plan).items()}


class Used:
    """Measure the CPU time of a block, by process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __enter__(self) -> "Used":
        self._before = self._read()
        return self

    def __exit__(self, *about: Any) -> None:
        self.ms = {name: now - self._before.get(name, 0.0) for name, now in self._read().items()}

    def _read(self) -> dict[str, float]:
        return {name: sum(cpu_ms(pid) for pid in pids) for name, pids in known(self._plan).items()}

    def per(self, count: int) -> str:
        """Return CPU milliseconds for each of `count` operations, the most expensive process first."""
        each = sorted(((ms / max(count, 1), name) for name, ms in self.ms.items()), reverse=True)
        shares = ", ".join(f"{name} {ms:.1f}" for ms, name in each if ms >= 0.5)
        return f"{sum(ms for ms, _ in each):.1f} ({shares})"


def table(stages: dict[str, dict[str, float]]) -> str:
    """Format a line for each process and a column for each stage."""
    names = sorted({name for found in stages.values() for name in found})
    lines = [f"   {'':20}" + "".join(f"{stage:>13}" for stage in stages)]
    for name in [*names, "total"]:
        row = (sum(found.values()) if name == "total" else found.get(name, 0.0) for found in stages.values())
        lines.append(f"   {name:20}" + "".join(f"{mib:13.0f}" for mib in row))
    return "\n".join(lines)
