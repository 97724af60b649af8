"""The services, found as the gate finds them: a folder of services/ is one."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

TOP = Path(__file__).resolve().parents[2]
SERVICES = tuple(sorted(folder.parent.name for folder in (TOP / "services").glob("*/pyproject.toml")))


def module(service: str, name: str) -> ModuleType:
    return import_module(f"pileus_{service}.{name}")
