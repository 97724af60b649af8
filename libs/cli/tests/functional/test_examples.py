"""Every example of every `--help`, and every list and show in every format."""

import csv
import importlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pileus_cli import nouns
from pileus_cli.commands import Command

FORMATS = ("table", "wide", "json", "yaml", "csv", "value")


def every() -> list[Command]:
    modules = sorted({f"pileus_cli.nouns.{module}" for module, _ in nouns.NOUNS.values()})
    return [one for module in modules for one in importlib.import_module(module).COMMANDS]


EXAMPLES = [(one.name, one.examples) for one in every() if one.examples]
LISTS = sorted(
    one.name
    for one in every()
    if one.output == "rows" and one.name.endswith(" list") and not any(not arg.name.startswith("-") for arg in one.args)
)
ADMINS = (
    "user list",
    "project list",
    "role list",
    "domain list",
    "group list",
    "service list",
    "endpoint list",
    "region list",
    "role assignment list",
    "hypervisor list",
    "aggregate list",
    "compute service list",
    "network agent list",
    "ring list",
    "storage policy list",
    "storage host list",
    "dispersion show",
)


def rights(line: str) -> str:
    return "admin" if any(line.startswith(one.rpartition(" ")[0]) for one in ADMINS) else "demo"


@pytest.mark.parametrize(("name", "lines"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_examples_work(world: None, pileus: Any, name: str, lines: tuple[str, ...]) -> None:
    for line in lines:
        assert line.startswith("pileus ")
        pileus.ok(line.removeprefix("pileus "), rights(line.removeprefix("pileus ")))


@pytest.mark.parametrize("line", LISTS)
def test_lists_say_the_same_in_each_format(world: None, pileus: Any, line: str) -> None:
    who = rights(line)
    printed = {style: pileus.ok(f"{line} -f {style}", who).out for style in FORMATS}
    rows = json.loads(printed["json"])
    assert yaml.safe_load(printed["yaml"]) == rows
    titles, *cells = list(csv.reader(io.StringIO(printed["csv"])))
    assert len(cells) == len(rows)
    assert all(list(row) == titles for row in rows)
    assert printed["table"].count("\n") >= 4
    for row in rows:
        assert str(row[titles[0]]) in printed["table"]
        assert str(row[titles[0]]) in printed["value"]
    if rows:
        only = pileus.ok(f"{line} -c '{titles[0]}' -f value", who).out.splitlines()
        assert sorted(only) == sorted(str(row[titles[0]]) for row in rows)


@pytest.mark.parametrize(
    "line",
    [
        "server show first",
        "image show pileus-test",
        "network show private",
        "flavor show m1.nano",
        "keypair show demo",
        "router show router1",
        "subnet show private-subnet",
    ],
)
def test_show_says_the_same_in_each_format(world: None, pileus: Any, line: str) -> None:
    printed: dict[str, Any] = {style: pileus.ok(f"{line} -f {style}").out for style in FORMATS}
    facts = json.loads(printed["json"])
    assert yaml.safe_load(printed["yaml"]) == facts
    assert next(csv.reader(io.StringIO(printed["csv"]))) == list(facts)
    assert facts["name"] in printed["table"]
    assert pileus.ok(f"{line} -f value -c name").out == f"{facts['name']}\n"


@pytest.mark.parametrize("command", every(), ids=lambda one: one.name)
def test_help_shows_the_examples(pileus: Any, command: Command) -> None:
    shown = pileus.ok(f"{command.name} --help").out
    assert command.help.split()[0] in shown
    assert all(example in shown for example in command.examples)


def test_each_command_has_words_of_its_own() -> None:
    names = [one.name for one in every()]
    assert len(names) == len(set(names))
    assert all(nouns.noun_of(name) in nouns.NOUNS for name in names)


def test_there_is_a_module_for_each_person_s_command() -> None:
    for name, (module, _) in nouns.PEOPLE.items():
        found = importlib.import_module(f"pileus_cli.people.{module}")
        assert any(one.name == name for one in found.COMMANDS), name
        assert Path(str(found.__file__)).name == f"{module}.py"


PEOPLE = [
    (one.name, line)
    for module in sorted({module for module, _ in nouns.PEOPLE.values()})
    for one in importlib.import_module(f"pileus_cli.people.{module}").COMMANDS
    for line in one.examples
]
ON_A_REAL_CLOUD = (
    "launch",
    "ssh",
    "cloud",
    "host",
)  # tests/integration runs these


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, line in PEOPLE if name not in ON_A_REAL_CLOUD])
def test_examples_of_the_commands_for_people(world: None, pileus: Any, name: str, line: str) -> None:
    pileus.ok(line.removeprefix("pileus "))


def test_the_doctor_finds_nothing_on_a_healthy_cloud(world: None, pileus: Any, tmp_path: Any) -> None:
    found = json.loads(pileus.ok(f"doctor --json --state {tmp_path}", "admin").out)
    assert found["findings"] == [] and {"compute hosts", "jobs", "volumes"} <= set(found["checked"])


def test_ssh_finds_address_user_and_key(world: None, pileus: Any, home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "demo").write_text("key")
    address = pileus.json("server show first")["addresses"]["private"][0]["addr"]
    line = pileus.ok("ssh first --print -l me").out
    assert line.startswith(f"ssh -i {home}/.ssh/demo ") and line.endswith(f" me@{address}\n")
