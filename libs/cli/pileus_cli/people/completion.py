"""Completion for bash, zsh and fish, with live names."""

import os
import time
from argparse import Namespace
from collections.abc import Iterable
from typing import Any

from pileus_cli import cache
from pileus_cli.commands import Command, arg
from pileus_cli.errors import Trouble

WITHOUT_CLOUD = True
NAMES_S = 20.0  # seconds for which names are remembered
SCRIPTS = {
    "bash": """_pileus() {
    local IFS=$'\\n'
    COMPREPLY=($(pileus complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _pileus pileus""",
    "zsh": """#compdef pileus
_pileus() { compadd -- ${(f)"$(pileus complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"} }
compdef _pileus pileus""",
    "fish": """complete -c pileus -f \\
    -a '(pileus complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'""",
}


def script(context: None, given: Namespace) -> None:
    print(SCRIPTS[given.shell])


def complete(context: None, given: Namespace) -> None:
    """Return what may come next, one a line; the last word is the one being typed."""
    words = [word for word in given.words if word != "--"] or [""]
    if words[-2:-1] == ["--os-cloud"]:
        print("\n".join(sorted(name for name in clouds() if name.startswith(words[-1]))))
        return
    before, cloud = without_options(words[:-1])
    if cloud:
        os.environ["OS_CLOUD"] = cloud
    try:
        found = sorted({one for one in candidates(before, words[-1]) if one.startswith(words[-1])})
    except Trouble:
        return
    print("\n".join(found))


def clouds() -> Iterable[str]:
    """Return the names of the clouds in the user's clouds.yaml."""
    from pileus_cli import config

    try:
        return config.clouds()
    except Trouble:
        return ()


def without_options(words: list[str]) -> tuple[list[str], str]:
    """Split the words before the noun off; the cloud that they name is the one to ask for names."""
    cloud, rest = "", list(words)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).partition("=")
        if name.startswith("--os-") and not equals:
            value = rest.pop(0) if rest else ""
        cloud = value if name == "--os-cloud" else cloud
    return rest, cloud


def candidates(before: list[str], typed: str) -> Iterable[str]:
    from pileus_cli.nouns import ALIASES, NOUNS, PEOPLE, commands, kind

    if before and before[0] in PEOPLE and " ".join(before[:2]) not in NOUNS:
        return names(kind("server")) if len(before) == 1 and before[0] in ("ssh", "logs", "trace") else ()
    for count in (2, 1):
        meant = ALIASES.get(" ".join(before[:count]))
        if meant and len(before) >= count:
            before = [*meant.split(), *before[count:]]
            break
    nouns = [" ".join(before[:count]) for count in range(len(before), 0, -1)]
    known = {one.name: one for noun in nouns if noun in NOUNS for one in commands(noun)}
    for count in range(len(before), 0, -1):
        command = known.get(" ".join(before[:count]))
        if command:
            return _of_command(command, before[count:], typed)
    depth = len(before)
    longer = {
        name.split()[depth] for name in (*NOUNS, *known) if name.split()[:depth] == before and len(name.split()) > depth
    }
    return longer | (set(ALIASES) | {name for name, (_, about) in PEOPLE.items() if about} if not before else set())


def _of_command(command: Command, before: list[str], typed: str) -> Iterable[str]:
    from pileus_cli.nouns import kind

    options = {name: one for one in command.args for name in one.name.split() if name.startswith("-")}
    if before and before[-1] in options and options[before[-1]].kind:
        return names(kind(options[before[-1]].kind))
    if typed.startswith("-"):
        return options
    place = next((one for one in command.args if not one.name.startswith("-") and one.kind), None)
    return names(kind(place.kind)) if place else options


def names(kind: Any) -> list[str]:
    """Return the existing names, remembered for some seconds."""
    from pileus_cli import config
    from pileus_cli.cloud import Cloud

    settings = config.load({})
    key = f"names-{cache.key(settings)}"
    known = cache.read(key) or {}
    at, found = known.get(kind.name, (0, []))
    if at < time.time() - NAMES_S:
        cloud = Cloud(settings)
        rows = (row.get("keypair", row) for row in cloud.pages(kind.service, kind.path, kind.many, kind.found_among))
        found = [str(row.get("name") or row.get("floating_ip_address") or kind.id_of(row)) for row in rows]
        cache.write(key, known | {kind.name: (time.time(), found)})
    return list(found)


COMMANDS = [
    Command(
        "completion",
        "Print what makes your shell complete pileus commands",
        (arg("shell", choices=tuple(SCRIPTS)),),
        script,
        ("pileus completion bash",),
    ),
    Command("complete", "What may come next", (arg("words", nargs="*"),), complete),
]
