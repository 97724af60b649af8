"""What is printed, byte for byte: scripts read it."""

import json
from typing import Any

import pytest
import yaml

from pileus_cli import output
from pileus_cli.answers import redacted

ROWS = [["1", "a b", None, ["x", "y"], {"k": 1}], ["2", "ü", True, [], {}]]
COLUMNS = ["ID", "Name", "Flag", "Many", "Map"]


def printed(capsys: pytest.CaptureFixture[str], style: str, rows: Any = ROWS) -> str:
    output.rows(COLUMNS, rows, style)
    return capsys.readouterr().out


def test_value_is_what_scripts_split(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "value") == "1 a b  x, y k=1\n2 ü True  \n"


def test_csv(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "csv").splitlines()[:2] == ['"ID","Name","Flag","Many","Map"', '"1","a b","","x, y","k=1"']


def test_json_and_yaml_keep_what_things_are(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(printed(capsys, "json"))
    assert rows[0] == {"ID": "1", "Name": "a b", "Flag": None, "Many": ["x", "y"], "Map": {"k": 1}}
    assert yaml.safe_load(printed(capsys, "yaml")) == rows


def test_a_table_is_as_wide_as_it_takes_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "table", [["1", "n" * 300, 1, 2, 3]]).splitlines()
    assert len({len(line) for line in lines}) == 1 and len(lines) == 5
    assert "n" * 300 in lines[3]


def test_a_table_fits_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    lines = printed(capsys, "table", [["1", "n" * 300, 1, 2, 3]]).splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(line.split("|")[2].strip() for line in lines[3:-1]) == "n" * 300, "folded, not cut"


def test_a_table_without_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "table", []).count("\n") == 4
    assert printed(capsys, "json", []) == "[]\n"
    assert printed(capsys, "value", []) == ""


def test_one_thing(capsys: pytest.CaptureFixture[str]) -> None:
    output.thing({"a": 1, "b": {"c": [1]}}, "json")
    assert json.loads(capsys.readouterr().out) == {"a": 1, "b": {"c": [1]}}
    output.thing({"a": 1, "b": None}, "value")
    assert capsys.readouterr().out == "1\n\n"
    output.thing({"name": "x"}, "table")
    assert "| name  | x     |" in capsys.readouterr().out


def test_secrets_are_not_shown() -> None:
    body = {"auth": {"password": {"user": {"name": "u", "password": "p"}}}, "list": [{"adminPass": "x", "size": 1}]}
    shown = json.dumps(redacted(body))
    assert '"p"' not in shown and '"x"' not in shown and '"size": 1' in shown
