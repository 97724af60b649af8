"""argparse with our error format and suggestions."""

import argparse
from typing import Any, NoReturn

from pileus_cli.errors import Usage, closest


class Parser(argparse.ArgumentParser):
    """A parser that raises Usage instead of printing and leaving."""

    def error(self, message: str) -> NoReturn:
        hint = f"{self.prog} --help"
        unknown = message.partition("unrecognized arguments: ")[2].split()
        if unknown and unknown[0].startswith("-"):
            name = unknown[0].partition("=")[0]
            options = [option for action in self._actions for option in action.option_strings]
            raise Usage(f"{self.prog} has no option {name}.", closest(name, options) or hint)
        raise Usage(f"{self.prog}: {message}.", hint)


class Secret(argparse.Action):
    """A secret option without a value asks for it, twice, so that it is in no list of processes and no history."""

    def __init__(self, option_strings: Any, dest: str, **terms: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **terms)

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        import getpass

        first, again = getpass.getpass("Password: "), getpass.getpass("Again: ")
        if first != again:
            raise Usage("These were two different passwords.")
        setattr(namespace, self.dest, first)
