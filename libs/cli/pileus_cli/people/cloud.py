"""Start and stop the cloud of this machine, with the package that offers the entry point `pileus.cloud` (pileus-
deploy)."""

from argparse import Namespace

from pileus_cli.commands import Command, arg
from pileus_cli.errors import Usage

WITHOUT_CLOUD = True


def run(context: None, given: Namespace) -> int:
    from importlib.metadata import entry_points

    for found in entry_points(group="pileus.cloud"):
        return int(found.load()(given.words) or 0)
    raise Usage("Nothing here can run a cloud.", "Install pileus-deploy, or use deploy/up of a checkout")


COMMANDS = [
    Command(
        "cloud",
        "Start and stop the cloud on this machine: up, down, status, reset, rotate, uninstall, invite, join",
        (
            arg(
                "words",
                "up, down, status, reset, rotate, uninstall, invite or join, and their options",
                nargs="...",
                metavar="up|down|status|reset|rotate|uninstall|invite|join …",
            ),
        ),
        run,
        ("pileus cloud status",),
    )
]
