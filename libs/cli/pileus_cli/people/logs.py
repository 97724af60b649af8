"""`pileus logs`: what a server prints on its console."""

import sys
import time
from argparse import Namespace

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.finding import find_id
from pileus_cli.nouns.server_kind import SERVER

EVERY_S = 1.0


def read(context: Context, id: str, lines: int | None = None) -> str:
    body = {"length": lines} if lines else {}
    return str(context.cloud.call("compute", "POST", f"/servers/{id}/action", {"os-getConsoleOutput": body})["output"])


def logs(context: Context, given: Namespace) -> None:
    id = find_id(context.cloud, SERVER, given.name)
    seen = read(context, id, given.lines)
    sys.stdout.write(seen)
    sys.stdout.flush()
    while given.follow:
        time.sleep(EVERY_S)
        text = read(context, id)
        sys.stdout.write(after(seen, text))
        sys.stdout.flush()
        seen = text


def after(seen: str, text: str) -> str:
    """Return what is new. The cloud keeps only the end of the log, so its beginning may be gone."""
    tail = seen[-2000:]
    at = text.rfind(tail)
    return text[at + len(tail) :] if at >= 0 else text


NAME = arg("name", "the server", kind="server", metavar="SERVER")
COMMANDS = [
    Command(
        "logs",
        "Show what a server printed on its console",
        (
            NAME,
            arg("--follow -f", "go on until interrupted", action="store_true"),
            arg("--lines -n", "only the last N", type=int, metavar="N"),
        ),
        logs,
        ("pileus logs first --lines 5",),
        "compute",
    ),
]
