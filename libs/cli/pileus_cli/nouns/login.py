"""Tokens and the catalogue."""

from argparse import Namespace
from datetime import UTC, datetime

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import NotFound


def issue(context: Context, given: Namespace) -> None:
    known = context.cloud.login(again=True)
    context.show_thing(
        {
            "expires": datetime.fromtimestamp(known["expires_at"], UTC).isoformat(timespec="seconds"),
            "id": known["token"],
            "project_id": known["project_id"],
            "user_id": known["user_id"],
        },
        given,
    )


def catalog(context: Context, given: Namespace) -> None:
    context.show_rows(
        ("Name", "Type", "Endpoints"),
        [
            (
                entry["name"],
                entry["type"],
                "\n".join(f"{e['region']} {e['interface']}: {e['url']}" for e in entry["endpoints"]),
            )
            for entry in context.cloud.login()["catalog"]
        ],
        given,
    )


def show(context: Context, given: Namespace) -> None:
    for entry in context.cloud.login()["catalog"]:
        if given.service in (entry["type"], entry["name"]):
            context.show_thing(
                {
                    "endpoints": "\n".join(f"{e['region']} {e['interface']}: {e['url']}" for e in entry["endpoints"]),
                    "name": entry["name"],
                    "type": entry["type"],
                },
                given,
            )
            return
    raise NotFound(f"The catalogue has no service {given.service!r}.", "pileus catalog list")


COMMANDS = [
    Command("token issue", "Get a token", (), issue, ("pileus token issue -f value -c id",), "identity", "thing"),
    Command(
        "catalog list", "What this cloud offers, and where", (), catalog, ("pileus catalog list",), "identity", "rows"
    ),
    Command(
        "catalog show",
        "Where one service is",
        (arg("service", "type or name"),),
        show,
        ("pileus catalog show identity",),
        "identity",
        "thing",
    ),
]
