"""Lines of logs: what is in them, and which secrets are not."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_kit import context, logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root, audit = logging.getLogger(), logging.getLogger("pileus.audit")
    before = root.handlers[:], root.level, audit.handlers[:], audit.propagate
    yield
    root.handlers[:], audit.handlers[:], audit.propagate = before[0], before[2], before[3]
    root.setLevel(before[1])


def test_a_line_has_its_process_and_request(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("volume-api", "INFO")
    token = context.request_id.set("req-1")
    try:
        logging.getLogger("pileus.x").info("the password=%s is wrong", "swordfish")
    finally:
        context.request_id.reset(token)
    line = capsys.readouterr().err
    assert " volume-api INFO pileus.x [req-1] the password=*** is wrong" in line


def test_levels_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("volume-api", "WARNING")
    logging.getLogger("pileus.x").info("quiet")
    assert capsys.readouterr().err == ""


def test_the_audit_has_a_file_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "logs" / "audit.log"
    logs.setup("volume-api", "ERROR", str(file))
    logging.getLogger("pileus.audit").info("%s", json.dumps({"user": "u", "token": "secrettoken"}))
    assert json.loads(file.read_text()) == {"user": "u", "token": "***"}
    assert capsys.readouterr().err == ""
