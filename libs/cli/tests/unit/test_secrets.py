"""Passwords that are asked for."""

import os
import pty
import sys

import pytest

ASK = """
from pileus_cli.nouns.identity import COMMANDS
create = next(one for one in COMMANDS if one.name == "user create")
print("got", create.parser().parse_args(["somebody", "--password-prompt"]).password)
"""


@pytest.mark.parametrize(("typed", "said"), [("one one", "got one"), ("one two", "two different passwords")])
def test_a_password_is_asked_for_twice_and_not_shown(typed: str, said: str) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASK])
    seen = ""
    for word, prompt in zip(typed.split(), ("Password: ", "Again: "), strict=True):
        while not seen.endswith(prompt):
            seen += os.read(terminal, 1000).decode()
        os.write(terminal, f"{word}\n".encode())
    asked = seen
    try:
        while piece := os.read(terminal, 1000):
            seen += piece.decode()
    except OSError:  # how Linux says that the other side has closed
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    assert said in seen and "one" not in asked
