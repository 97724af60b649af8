"""State diagrams: the tables that say how events move servers, images, volumes, snapshots and backups."""

import importlib
from collections.abc import Mapping

MACHINES = (
    ("Servers", "pileus_compute.core.states", "MOVES", "`status` at rest; events are ends of flows."),
    ("Images", "pileus_image.core.images", "TRANSITIONS", ""),
    ("Volumes", "pileus_volume.core.states", "MOVES", "`previous` is available or in-use, as before."),
    ("Volume snapshots", "pileus_volume.core.states", "SNAPSHOT_MOVES", ""),
    ("Volume backups", "pileus_volume.core.states", "BACKUP_MOVES", ""),
)
HEAD = """\
# States

A resource's status changes only by the events below: an event that isn't drawn from a status is refused there with 409
(or 400 where OpenStack says so).
"""


def page() -> str:
    return HEAD + "".join(_machine(*machine) for machine in MACHINES)


def _machine(title: str, module: str, name: str, remark: str) -> str:
    moves: Mapping[str, Mapping[str, str]] = getattr(importlib.import_module(module), name)
    edges: dict[tuple[str, str], list[str]] = {}
    for event, steps in moves.items():
        for before, after in steps.items():
            edges.setdefault((before, str(after)), []).append(event)
    lines = [f"  {_id(a)} --> {_id(b)}: {', '.join(events)}" for (a, b), events in sorted(edges.items())]
    drawing = "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])
    return f"\n## {title}\n\n{remark}\n\n{drawing}\n".replace("\n\n\n", "\n\n")


def _id(state: str) -> str:
    return state.strip("<>").replace("-", "_").replace(" ", "_")
