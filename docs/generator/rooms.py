"""Rooms: what each file of each package holds, in the first sentence of its docstring."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from houses import TOP
from tables import code

HEAD = """\
# Rooms

What each file holds, by its own first sentence. Imports go downwards only: docs/architecture.md has the layers.
"""
PACKAGES = ("libs/*/pileus_*", "deploy/pileus_*", "services/*/pileus_*")
SENTENCE = re.compile(r"(.+?\.)(\s|$)", re.DOTALL)


def page() -> str:
    return HEAD + "".join(_package(path) for pattern in PACKAGES for path in sorted(TOP.glob(pattern)) if path.is_dir())


def _package(path: Path) -> str:
    if not (path / "__init__.py").exists():
        return ""
    rooms: dict[str, list[str]] = defaultdict(list)
    for file in sorted(path.rglob("*.py")):
        said = _said(file)
        if "versions" not in file.relative_to(path).parts and (file.name not in ("__init__.py", "__main__.py") or said):
            rooms[str(file.parent.relative_to(path.parent))].append(f"- {code(file.name)} {said}\n")
    return "".join(f"\n## {room}\n\n{''.join(lines)}" for room, lines in sorted(rooms.items()))


def _said(file: Path) -> str:
    text = (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n\n")[0]
    found = SENTENCE.match(text)
    return " ".join((found.group(1) if found else text).split())
