"""The command line: global options, then a noun and a verb, or one of the commands for people."""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from pileus_cli import VERSION
from pileus_cli.errors import CODES, INTERRUPTED, OK, REFUSED, Trouble, Usage, closest

FLAGS = {
    "--no-wait": "no_wait",
    "--wait": "wait",
    "--debug": "debug",
    "--timing": "timing",
    "--as-curl": "as_curl",
    "--dry-run": "dry_run",
    "--insecure": "insecure",
}
VALUES = {"--timeout": "timeout"}
USAGE = """usage: pileus [OPTION…] NOUN VERB …      pileus NOUN --help      pileus NOUN VERB --help

One command for an OpenStack cloud: names are those of the openstack client.

options, anywhere on the line:
  --os-cloud NAME     a cloud of your clouds.yaml (or OS_CLOUD); all --os-… options and OS_… variables are known
  --no-wait           return at once; otherwise commands wait for what they began
  --timeout SECONDS   how long to wait (600)
  --as-curl           print the call (its token is $OS_TOKEN) instead of making it
  --dry-run           tell whether it would work, as far as the cloud can tell beforehand; change nothing
  --timing            how long each call took
  --debug             each call as it is made
  --version           the version of this command
"""


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        print(f"pileus {VERSION}")
        return OK
    try:
        code = _run(words)
        sys.stdout.flush()  # the reader of our output may still close it
        return code
    except Trouble as err:
        if err.message:
            print(f"error: {err.message}", file=sys.stderr)
        if err.hint:
            print(f"  {err.hint}", file=sys.stderr)
        if err.request_id:
            print(f"  request {err.request_id}", file=sys.stderr)
        return err.code
    except KeyboardInterrupt:
        print("interrupted; what was begun in the cloud goes on there", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return REFUSED
    except OSError as err:  # an error of files that the user named, or of a full disk
        print(f"error: {err.filename + ': ' if err.filename else ''}{err.strerror or err}", file=sys.stderr)
        return REFUSED


def _run(words: list[str]) -> int:
    options, login, rest = _globals(words)
    if not rest or rest[0] in ("help", "-h", "--help"):
        print(_overview(login))
        return OK
    from pileus_cli.nouns import NOUNS, PEOPLE

    if rest[0] in PEOPLE and " ".join(rest[:2]) not in NOUNS:  # `console log` is a noun
        return _people(rest, options, login)
    noun, rest = _noun(rest)
    return _noun_command(noun, rest, options, login)


def _globals(words: Sequence[str]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Split global options, which may stand anywhere before `--`, from the command's own."""
    options: dict[str, Any] = {}
    login: dict[str, str] = {}
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *queue]
            break
        if word in FLAGS:
            options[FLAGS[word]] = True
        elif name in VALUES or name.startswith("--os-"):
            if not equals:
                if not queue:
                    raise Usage(f"{name} needs a value.")
                value = queue.pop(0)
            if name in VALUES:
                options[VALUES[name]] = value
            else:
                login[name.removeprefix("--os-").replace("-", "_")] = value
        else:
            rest.append(word)
    if options.get("insecure"):
        login["insecure"] = "1"
    return options, login, rest


def _noun(words: list[str]) -> tuple[str, list[str]]:
    """Return the longest noun that the words begin with. Raises Usage with close names."""
    from pileus_cli.nouns import ALIASES, NOUNS, PEOPLE

    for count in (3, 2, 1):
        begin = " ".join(words[:count])
        begin = ALIASES.get(begin, begin)
        if len(words) >= count and begin in NOUNS:
            return begin, words[count:]
    if ALIASES.get(words[0]):
        return ALIASES[words[0]], words[1:]
    raise Usage(
        f"There is no noun {words[0]!r}.",
        closest(" ".join(words[:2]), NOUNS) or closest(words[0], [*NOUNS, *ALIASES, *PEOPLE]) or "pileus --help",
    )


def _noun_command(noun: str, words: list[str], options: dict[str, Any], login: dict[str, str]) -> int:
    from pileus_cli import nouns

    known = {one.name.removeprefix(f"{noun} "): one for one in nouns.commands(noun)}
    if not words or words[0] in ("-h", "--help"):
        print(f"usage: pileus {noun} VERB …\n")
        for verb, one in known.items():
            print(f"  {noun} {verb:<22}{one.help}")
        print(f"\npileus {noun} VERB --help tells more.")
        return OK
    verb = next((v for v in (" ".join(words[:n]) for n in (4, 3, 2, 1)) if v in known), "")
    if not verb:
        raise Usage(
            f"{noun} has no verb {words[0]!r}.",
            closest(" ".join(words[:2]), known) or closest(words[0], known) or f"It has: {', '.join(known)}",
        )
    given = _parsed(known[verb].parser(), words[len(verb.split()) :])
    return _execute(known[verb], given, options, login, vars(given).get("thing"))


def _people(words: list[str], options: dict[str, Any], login: dict[str, str]) -> int:
    from importlib import import_module

    from pileus_cli.nouns import PEOPLE

    module = import_module(f"pileus_cli.people.{PEOPLE[words[0]][0]}")
    command = next(one for one in module.COMMANDS if one.name == words[0])
    given = _parsed_with_rest(command, words[1:])
    if getattr(module, "WITHOUT_CLOUD", False):
        return int(command.run(None, given) or OK)
    return _execute(command, given, options, login, vars(given).get("name"))


def _parsed_with_rest(command: Any, words: list[str]) -> Any:
    """Cut off what follows `--`, as argparse accepts no options between a positional and what follows `--`."""
    if not command.after:
        return _parsed(command.parser(), words)
    at = words.index("--") if "--" in words else len(words)
    given = _parsed(command.parser(), words[:at])
    given.after = words[at + 1 :]
    return given


def _parsed(parser: Any, words: list[str]) -> Any:
    try:
        return parser.parse_args(words)
    except SystemExit as err:  # the option was --help
        raise _Said(int(err.code or 0)) from None


class _Said(Trouble):
    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__("")


def _execute(command: Any, given: Namespace, options: dict[str, Any], login: dict[str, str], about: Any) -> int:
    from pileus_cli import config
    from pileus_cli.answers import Shown
    from pileus_cli.cloud import Cloud
    from pileus_cli.context import Context
    from pileus_cli.errors import NotFound, Refused

    name, run, curl = command.name, command.run, "as_curl" in options
    if "dry_run" in options and not command.reads:
        run = command.dry
        if run is None:
            raise Usage(f"`{name}` can't be tried: its service doesn't tell beforehand.", "--as-curl prints the call")
    cloud = Cloud(config.load(login), debug="debug" in options, as_curl=curl and not command.reads)
    cloud.showing = curl and command.reads
    context = Context(cloud, wait="no_wait" not in options, timeout=_seconds(options.get("timeout", "600")))
    try:
        return int(run(context, given) or OK)
    except Shown as text:
        print(text)
        return OK
    except (Refused, NotFound) as err:
        from pileus_cli import cache, hints

        status = err.status if isinstance(err, Refused) else 404
        if not command.reads:
            cache.remember_refusal(
                command=name,
                name=str(getattr(given, "name", None) or about or ""),
                status=status,
                why=err.message,
                request_id=err.request_id,
            )
        err.hint = err.hint or hints.after(err.message, status)
        raise
    finally:
        if "timing" in options:
            for call, seconds in cloud.times:
                print(f"{1000 * seconds:8.1f} ms  {call}", file=sys.stderr)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Usage(f"--timeout takes seconds, not {text!r}.") from None


def _overview(login: dict[str, str]) -> str:
    """Print nouns by service; those that the cloud doesn't offer, as far as we know without asking, are left out."""
    from pileus_cli.nouns import NOUNS, PEOPLE

    offered = _offered(login)
    by_service: dict[str, list[str]] = {}
    for noun, (_, service) in NOUNS.items():
        if offered is None or service in offered:
            by_service.setdefault(service, []).append(noun)
    lines = [USAGE, "commands:"]
    lines += [f"  {name:<12}{about}" for name, (_, about) in PEOPLE.items() if about]
    lines.append("\nnouns:")
    lines += [f"  {service:<14}{', '.join(nouns)}" for service, nouns in by_service.items()]
    if offered is not None and len(by_service) < 6:
        lines.append("  (this cloud offers no more)")
    return "\n".join([*lines, "", CODES])


def _offered(login: dict[str, str]) -> set[str] | None:
    """Return the service types of the last login's catalogue, if there is one; help never logs in."""
    from pileus_cli import cache, config
    from pileus_cli.cloud import TYPES

    try:
        known = cache.read(cache.key(config.load(login)))
    except Trouble:
        return None
    types = {entry["type"] for entry in (known or {}).get("catalog", ())}
    return {service for service, kinds in TYPES.items() if types & set(kinds)} if types else None


if __name__ == "__main__":
    sys.exit(main())
