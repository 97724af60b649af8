"""`pileus` against a real cloud: every example, the README's commands, a trace of a real boot, what it costs."""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clients import wait_until

from pileus_cli import nouns

TOP = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LEAST = {"--version": 5, "server list": 4}  # how many times less CPU than the `openstack` client: docs/decisions/0009
FOR_OPERATORS = ("pileus ring", "pileus storage", "pileus dispersion")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`run("pileus server list")` as a user with a home of his own types it; fails unless it exits with 0."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("OS_")},
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"),
        "OS_CLOUD": "pileus",
        "PILEUS_STATE": str(state),
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }

    def do(line: str) -> str:
        used = environment | ({"OS_CLOUD": "pileus-admin"} if line.startswith(FOR_OPERATORS) else {})
        done = subprocess.run(shlex.split(line), env=used, cwd=home, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "demo").write_text((state / "demo-key").read_text())
    (home / ".ssh" / "demo").chmod(0o600)
    return do


def modules() -> list[str]:
    return sorted(
        {f"pileus_cli.nouns.{module}" for module, _ in nouns.NOUNS.values()}
        | {f"pileus_cli.people.{module}" for module, _ in nouns.PEOPLE.values()}
    )


EXAMPLES = [
    pytest.param(one.examples, id=one.name)
    for module in modules()
    for one in importlib.import_module(module).COMMANDS
    if one.examples
]


@pytest.mark.parametrize("lines", EXAMPLES)
def test_every_example_of_every_help(run: Run, lines: tuple[str, ...]) -> None:
    for line in lines:
        run(line)


def test_the_readme_s_commands(run: Run) -> None:
    """Those that talk to a cloud; what starts and ends one, and builds images, has tests of its own."""
    lines = re.findall(r"^    (pileus .*?)(?:\s+#.*)?$", (TOP / "README.md").read_text(), re.M)
    assert lines
    for line in lines:
        if not line.startswith(("pileus image build", "pileus cloud", "pileus host")):  # have their own
            run(line)


def test_a_boot_is_told_whole(run: Run) -> None:
    run("pileus server create traced --image pileus-test --flavor m1.nano --network private")
    try:

        def told() -> dict[str, Any]:
            return {job["flow"]: job for job in json.loads(run("pileus trace traced --json"))["jobs"]}

        wait_until("the network is told", lambda: "host.sync" in told(), 60)
        (follow,) = (part for part in told()["host.sync"]["parts"] if part["name"] == "sync")
        rules = next(span for span in follow["spans"] if span["name"] == "security groups")
        assert [span["name"] for span in rules["spans"]] == ["nft"]
        job = told()["server.create"]
        parts = job["parts"]
        assert abs(sum(part["seconds"] for part in parts) - job["total"]) <= 0.1 * job["total"]
        boot = next(part for part in parts if part["name"] == "boot")
        assert any(span["spans"] for span in boot["spans"]), "what the host did is told"
    finally:
        run("pileus server delete traced")


def test_a_token_is_kept_and_a_revoked_one_replaced(run: Run) -> None:
    token = run("pileus token issue -f value -c id").strip()
    run("pileus server list")
    run(f"openstack token revoke {token}")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:  # a revoked token is refused everywhere within a second
        run("pileus server list")


def test_it_costs_a_fraction(run: Run, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("cpu", TOP / "libs/cli/tests/cpu.py")
    assert spec and spec.loader
    cpu = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cpu)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(state / "clouds.yaml"))
    monkeypatch.setenv("OS_CLOUD", "pileus")
    for words, least in LEAST.items():
        ours, theirs = cpu.ratio(words, runs=3)
        assert theirs >= least * ours, f"{words}: {ours:.3f} s against {theirs:.3f} s"
