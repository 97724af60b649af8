"""The machines of this cloud, with the package that offers the entry point `pileus.cloud` (pileus-deploy)."""

from argparse import Namespace

from pileus_cli.commands import Command, arg
from pileus_cli.people import cloud

WITHOUT_CLOUD = True


def run(context: None, given: Namespace) -> int:
    return cloud.run(context, Namespace(words=["host", *given.words]))


COMMANDS = [
    Command(
        "host",
        "Show, drain and remove the machines of this cloud: list, show, drain, resume, remove",
        (
            arg(
                "words",
                "list, show, drain, resume or remove, and the machine's name",
                nargs="...",
                metavar="list|show|drain|resume|remove …",
            ),
        ),
        run,
        ("pileus host list",),
    )
]
