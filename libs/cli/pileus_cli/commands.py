"""What a command is: a name, what it takes, examples, and the function that does it.

A noun's module has COMMANDS; it is imported when one of its nouns is used (`NOUNS` in nouns/__init__.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pileus_cli.json_types import JsonObject

if TYPE_CHECKING:
    import argparse

    Run = Callable[[Any, argparse.Namespace], Any]


READING = ("ssh", "logs", "why", "trace", "top", "doctor", "object save", "image save")


@dataclass(frozen=True)
class Arg:
    """An argument or option, as argparse takes it.

    `into` is where its value goes in a request's body; `kind` is the noun whose name or id it takes, for lookup and
    completion.
    """

    name: str
    help: str = ""
    terms: JsonObject = field(default_factory=dict)
    into: str = ""
    kind: str = ""


def arg(name: str, help: str = "", *, into: str = "", kind: str = "", **terms: Any) -> Arg:
    return Arg(name, help, terms, into, kind)


@dataclass(frozen=True)
class Command:
    """A command. `name` is noun and verb: "server create". A test runs the `examples`, so they have to work."""

    name: str
    help: str
    args: Sequence[Arg]
    run: Run
    examples: Sequence[str] = ()
    service: str = ""
    output: str = ""  # "rows" or "thing": takes -f and -c
    dry: Run | None = None  # what --dry-run does instead; without it the option is refused
    after: str = ""  # how usage shows the words after `--`, which the command finds in `given.after`

    @property
    def reads(self) -> bool:
        return self.name.endswith((" list", " show")) or self.name in READING

    @property
    def _places(self) -> list[str]:
        return [str(one.terms.get("metavar", one.name.upper())) for one in self.args if not one.name.startswith("-")]

    def parser(self) -> argparse.ArgumentParser:
        import argparse

        from pileus_cli.output import FORMATS
        from pileus_cli.parsing import Parser

        lines = "".join(f"  {example}\n" for example in self.examples)
        parser = Parser(
            prog=f"pileus {self.name}",
            description=self.help,
            allow_abbrev=False,
            usage=f"%(prog)s [OPTION…] {' '.join(self._places)} [-- {self.after}]" if self.after else None,
            epilog=f"examples:\n{lines}" if lines else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for one in self.args:
            parser.add_argument(*one.name.split(), help=one.help, **one.terms)
        if self.output:
            parser.add_argument("-f", "--format", choices=FORMATS, default="table", help="how to print (table)")
            parser.add_argument("-c", "--column", action="append", metavar="NAME", help="only these columns")
        if self.output == "rows":
            parser.add_argument("--sort-column", "--sort", action="append", metavar="NAME[:desc]", default=[])
            parser.add_argument(
                "--filter",
                action="append",
                metavar="COLUMN=VALUE",
                default=[],
                help="only rows whose column has this value (* stands for anything)",
            )
            parser.add_argument("--limit", type=int, metavar="N", help="at most so many rows")
        return parser
