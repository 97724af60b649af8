"""The Python files of the house, parsed once."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
LIMITS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "limits.toml").read_text())
SERVICES = sorted(folder.name for folder in (TOP / "services").iterdir() if (folder / "pyproject.toml").exists())


@cache
def packages() -> tuple[Path, ...]:
    """The source directories of our packages, as the gate finds them."""
    found = subprocess.run([TOP / "deploy" / "sources"], check=True, capture_output=True, text=True)
    return tuple(TOP / line for line in found.stdout.split())


def package(name: str) -> Path:
    return next(path for path in packages() if path.name == name)


def modules(*folders: Path) -> Iterator[Path]:
    """Every module in the folders, but no migrations: those stay as they were released."""
    for folder in folders or packages():
        for path in sorted(folder.rglob("*.py")):
            if "versions" not in path.relative_to(TOP).parts and ".venv" not in path.parts:
                yield path


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def documented(path: Path) -> Iterator[tuple[str, str | None]]:
    """The public functions, classes and methods of a module, with their docstrings."""
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    yield f"{node.name}.{member.name}", ast.get_docstring(member)


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Every docstring of a module, also those of constants, with its line."""
    for node in ast.walk(tree(path)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield statement.lineno, value.value
