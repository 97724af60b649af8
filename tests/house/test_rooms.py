"""Rooms hold what their names say, and lists of the services are complete."""

import re
import tomllib
from pathlib import Path

import pytest
from source import LIMITS, SERVICES, TOP, modules

CALLS_OTHERS = re.compile(r"\bpeers(\(\))?\.(call|send)\(")
DEFINES_FLOW = re.compile(r"\bFlow(\[\w+\])?\(")
KEPT = LIMITS["services"]


@pytest.mark.parametrize("service", KEPT["clients"])
def test_only_clients_call_other_services(service: str) -> None:
    found = [path for path in modules(_package(service)) if CALLS_OTHERS.search(path.read_text())]
    assert not [str(path.relative_to(TOP)) for path in found if "clients" not in path.parts]


@pytest.mark.parametrize("service", KEPT["flows"])
def test_each_file_in_flows_defines_a_flow(service: str) -> None:
    folder = _package(service) / "flows"
    files = [path for path in modules(folder) if path.name != "__init__.py"]
    assert not [path.name for path in files if not DEFINES_FLOW.search(path.read_text())]


@pytest.mark.parametrize("service", SERVICES)
def test_every_list_of_services_names_it(service: str) -> None:
    """Other programs' files can't read a folder: import-linter's, mypy's and Zuul's lists are compared with it."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]
    package = f"pileus_{service}"
    contracts = {contract["name"]: contract for contract in project["importlinter"]["contracts"]}
    assert package in project["ruff"]["lint"]["isort"]["known-first-party"]
    assert f"services/{service}" in project["mypy"]["mypy_path"].split(":")
    assert package in project["importlinter"]["root_packages"]
    assert package in contracts["Layers of a service"]["containers"]
    assert package in contracts["Services meet over HTTP only"]["modules"]
    assert package in contracts["The kit knows no service"]["forbidden_modules"]
    assert re.search(rf"^\s+environment: {service}$", (TOP / "zuul.yaml").read_text(), re.MULTILINE)
    assert re.search(rf"^\[testenv:.*\b{service}\b", (TOP / "tox.ini").read_text(), re.MULTILINE)


def test_one_version() -> None:
    from pileus_cli import VERSION

    assert (TOP / "VERSION").read_text().strip() == VERSION


def _package(service: str) -> Path:
    return TOP / "services" / service / f"pileus_{service}"
