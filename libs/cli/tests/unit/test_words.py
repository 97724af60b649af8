"""Nouns, verbs, global options; and what `--version` imports."""

import subprocess
import sys

import pytest

from pileus_cli import nouns, shell
from pileus_cli.errors import Usage


@pytest.mark.parametrize(
    ("words", "noun", "rest"),
    [
        ("server list", "server", ["list"]),
        ("server add floating ip s 1", "server", ["add", "floating", "ip", "s", "1"]),
        ("security group rule create g", "security group rule", ["create", "g"]),
        ("fip list", "floating ip", ["list"]),
        ("secgroup rule list", "security group rule", ["list"]),
        ("secgroup create g", "security group", ["create", "g"]),
        ("volume snapshot list", "volume snapshot", ["list"]),
        ("volume list", "volume", ["list"]),
    ],
)
def test_the_longest_noun(words: str, noun: str, rest: list[str]) -> None:
    assert shell._noun(words.split()) == (noun, rest)


def test_an_unknown_noun() -> None:
    with pytest.raises(Usage) as told:
        shell._noun(["sever", "list"])
    assert "server" in told.value.hint


def test_global_options_stand_anywhere() -> None:
    line = "--os-cloud c server --no-wait create --os-region-name=r -- --debug"
    options, login, rest = shell._globals(line.split())
    assert (options, login, rest) == (
        {"no_wait": True},
        {"cloud": "c", "region_name": "r"},
        ["server", "create", "--", "--debug"],
    )


def test_every_noun_has_commands() -> None:
    for noun in nouns.NOUNS:
        assert nouns.commands(noun), noun


def imported(*words: str) -> set[str]:
    """Beside what the interpreter itself has."""
    code = (
        f"import sys; before = set(sys.modules); from pileus_cli import shell; shell.main({list(words)!r}); "
        "print(*set(sys.modules) - before, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("server", "create", "--help")])
def test_heavy_libraries_are_imported_only_where_they_are_needed(words: tuple[str, ...]) -> None:
    assert not imported(*words) & {"keystoneauth1", "requests", "rich", "urllib3", "importlib.metadata"}


def test_version_imports_next_to_nothing() -> None:
    ours = {name for name in imported("--version") if name.startswith("pileus_cli")}
    assert ours <= {"pileus_cli", "pileus_cli.shell", "pileus_cli.errors"}
