"""The regular commands of a kind: list, show, create, set, delete."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

from pileus_cli.commands import Arg, Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import NotFound, Refused, Trouble, Usage
from pileus_cli.finding import find, find_id
from pileus_cli.json_types import JsonObject
from pileus_cli.kinds import Kind, got
from pileus_cli.waiting import until_gone, until_ready


def commands(kind: Kind, verbs: Sequence[str] = ("list", "show", "create", "set", "delete")) -> list[Command]:
    made: dict[str, Callable[[Kind], Command]] = {
        "list": _list,
        "show": _show,
        "create": _create,
        "set": _set,
        "delete": _delete,
    }
    return [made[verb](kind) for verb in verbs]


def _command(
    kind: Kind, verb: str, help: str, args: Sequence[Arg], run: Any, output: str = "", dry: Any = None
) -> Command:
    examples = kind.examples.get(verb, ())
    return Command(f"{kind.name} {verb}", help, args, run, examples, kind.service, output, dry)


def _list(kind: Kind) -> Command:
    def run(context: Context, given: Namespace) -> None:
        query = body_of(context, kind.filters, given)
        columns = dict(kind.columns) | (dict(kind.long) if _wants_more(kind, given) else {})
        at_most = None if given.filter or given.sort_column else given.limit
        rows = list(context.cloud.pages(kind.service, kind.listed, kind.many, query, at_most))
        if kind.prepare and not context.cloud.showing:
            kind.prepare(context, rows)
        context.show_rows(list(columns), [[got(row, getter) for getter in columns.values()] for row in rows], given)

    long = [arg("--long", "more columns", action="store_true")] if kind.long else []
    return _command(kind, "list", f"List {kind.plural}", [*kind.filters, *long], run, "rows")


def _wants_more(kind: Kind, given: Namespace) -> bool:
    """Return the columns that are asked for, or that an option implies."""
    named = [
        *(given.column or ()),
        *(text.partition("=")[0] for text in given.filter),
        *(text.partition(":")[0] for text in given.sort_column),
    ]
    more = {name.lower() for name in kind.long}
    return bool(getattr(given, "long", False) or given.format == "wide" or more & {name.lower() for name in named})


def _show(kind: Kind) -> Command:
    def run(context: Context, given: Namespace) -> None:
        row = find(context.cloud, kind, given.thing)
        if kind.detail or kind.named:  # a list may show less
            row = kind.opened(context.cloud.call(kind.service, "GET", f"{kind.path}/{kind.id_of(row)}"))
        context.show_thing(kind.facts(row), given)

    return _command(kind, "show", f"Show one {kind.name}", [subject(kind)], run, "thing")


def _create(kind: Kind) -> Command:
    def run(context: Context, given: Namespace) -> None:
        body = body_of(context, kind.create, given)
        row = kind.opened(context.cloud.call(kind.service, "POST", kind.path, kind.wrapped(body)))
        if kind.ready and context.wait:
            row = until_ready(context, kind, kind.id_of(row), str(row.get("name") or ""))
        context.show_thing(kind.facts(row), given)

    return _command(kind, "create", f"Create a {kind.name}", kind.create, run, "thing")


def _set(kind: Kind) -> Command:
    def run(context: Context, given: Namespace) -> None:
        body = body_of(context, kind.change, given)
        if not body:
            raise Usage("Nothing to change was named.", f"pileus {kind.name} set --help")
        context.cloud.call(
            kind.service,
            kind.change_method,
            f"{kind.path}/{find_id(context.cloud, kind, given.thing)}",
            kind.wrapped(body),
        )

    return _command(kind, "set", f"Change a {kind.name}", [subject(kind), *kind.change], run)


def _delete(kind: Kind) -> Command:
    def run(context: Context, given: Namespace) -> None:
        found = [find_id(context.cloud, kind, typed) for typed in given.thing]
        each(context, found, lambda id: context.cloud.call(kind.service, "DELETE", f"{kind.path}/{id}"))
        if kind.gone_when_404 and context.wait:
            for id in found:
                until_gone(context, kind, id)

    return _command(kind, "delete", f"Delete {kind.plural}", [subject(kind, nargs="+")], run, dry=try_delete(kind))


def try_delete(kind: Kind) -> Callable[[Context, Namespace], None]:
    """Print what would be deleted: what --dry-run does instead of deleting."""

    def dry(context: Context, given: Namespace) -> None:
        for typed in given.thing:
            row = find(context.cloud, kind, typed)
            print(f"{kind.name} {row.get('name') or ''} ({kind.id_of(row)}) would be deleted.")

    return dry


def subject(kind: Kind, **terms: Any) -> Arg:
    return arg(
        "thing",
        f"name, id, or the unique beginning of one, of the {kind.name}",
        kind=kind.name,
        metavar=kind.name.replace(" ", "-").upper(),
        **terms,
    )


def each(context: Context, ids: Sequence[str], do: Callable[[str], Any]) -> None:
    """Delete all of them, also if some fail; then fail with the first failure's code."""
    failures: list[Trouble] = []
    for id in ids:
        try:
            do(id)
        except (Refused, NotFound) as err:
            failures.append(err)
            if len(ids) > 1:
                context.say(f"{id}: {err.message}")
    if failures:
        raise failures[0]


def body_of(context: Context, args: Sequence[Arg], given: Namespace) -> JsonObject:
    """Return the body (or query) that the options ask for: {"a": {"b": …}} for an option into "a.b"."""
    from pileus_cli.nouns import kind as named

    body: JsonObject = {}
    for one in args:
        value = getattr(given, _dest(one), None)
        if not one.into or value is None or value == [] or (value is False and one.terms["action"] != "store_false"):
            continue  # the option wasn't given
        if one.kind:
            value = (
                [find_id(context.cloud, named(one.kind), v) for v in value]
                if isinstance(value, list)
                else find_id(context.cloud, named(one.kind), value)
            )
        place = body
        *folders, last = one.into.split(".")
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return body


def _dest(one: Arg) -> str:
    if "dest" in one.terms:
        return str(one.terms["dest"])
    names = one.name.split()
    long = next((name for name in names if name.startswith("--")), names[0])
    return long.lstrip("-").replace("-", "_")


def pairs(texts: Sequence[str] | None) -> dict[str, str]:
    """Parse --property key=value …"""
    found = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise Usage(f"{text!r} isn't KEY=VALUE.")
        found[key] = value
    return found
