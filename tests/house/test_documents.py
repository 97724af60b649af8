"""Documents name files and tests that exist: a reader who follows a finding to its test must find it."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from source import TOP

FILE = re.compile(
    r"(?<![\w./-])((?:services|libs|deploy|tests|docs)/[\w./-]+\.(?:py|txt|toml|md))(?:::(test_\w+)(?!\w*\*))?"
)
TEST_FILE = re.compile(r"(?<![\w/.-])(test_\w+\.py)(?:::(test_\w+)(?!\w*\*))?")
PLACEHOLDER = re.compile(r"[A-Z]{3,}")


@cache
def tracked() -> tuple[str, ...]:
    found = subprocess.run(["git", "ls-files"], cwd=TOP, check=True, capture_output=True, text=True)
    return tuple(found.stdout.split())


def documents() -> list[str]:
    return [name for name in tracked() if name.endswith(".md") and not name.startswith("docs/reference/")]


@pytest.mark.parametrize("document", documents())
def test_what_a_document_names_exists(document: str) -> None:
    text = (TOP / document).read_text()
    missing = [f"{path}::{test or ''}" for path, test in FILE.findall(text) if not _exists(document, path, test)]
    missing += [f"{name}::{test or ''}" for name, test in TEST_FILE.findall(text) if not _exists_anywhere(name, test)]
    assert not missing


def _exists(document: str, path: str, test: str) -> bool:
    if PLACEHOLDER.search(path):
        return True
    found = [TOP / path, TOP / Path(document).parent / path]
    return any(file.exists() and (not test or f"def {test}(" in file.read_text()) for file in found)


def _exists_anywhere(name: str, test: str) -> bool:
    if PLACEHOLDER.search(name):
        return True
    found = [TOP / path for path in tracked() if path.endswith(f"/{name}")]
    return any(not test or f"def {test}(" in file.read_text() for file in found)
