"""Routes: what each service answers, since which microversion, under which rule, and what it accepts."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from houses import SERVICES, module
from tables import code, table

from pileus_kit.microversions import Version, text
from pileus_kit.schema import Checked

FIXTURES = {
    "identity": "IdentityFixture",
    "compute": "ComputeFixture",
    "image": "ImageFixture",
    "volume": "VolumeFixture",
    "network": "NetworkFixture",
    "objectstore": "ObjectStoreFixture",
}
HEAD = """\
# API reference of {service}

Every route, with the microversions that have it, the policy rule that guards it (or why none does), and the fields that
its query and body accept, with the microversion from which they do. OpenStack's API reference says what fields mean;
docs/compatibility.md says what isn't answered.

"""


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    versions: str
    rule: str
    accepts: str


def pages(scratch: Path) -> dict[str, str]:
    return {service: HEAD.format(service=service) + _page(service, scratch / service) for service in SERVICES}


def _page(service: str, scratch: Path) -> str:
    rows = sorted(set(_routes(service, scratch)), key=lambda r: (r.path, r.method, r.versions, r.rule, r.accepts))
    return table(
        ("method", "path", "microversions", "rule", "accepts"),
        ((r.method, code(r.path), r.versions, r.rule, r.accepts) for r in rows),
    )


def _routes(service: str, scratch: Path) -> Iterator[Route]:
    scratch.mkdir()
    with ExitStack() as stack:
        made: Any = getattr(module(service, "testing"), FIXTURES[service])
        fixture = made() if service in ("identity", "volume") else made(scratch)
        if hasattr(fixture, "__enter__"):
            fixture = stack.enter_context(fixture)
        if service == "objectstore":
            stack.callback(fixture.close)
            yield from _store_routes(fixture)
        else:
            yield from _flask_routes(fixture.app)


def _flask_routes(app: Any) -> Iterator[Route]:
    for rule in app.url_map.iter_rules():
        about = getattr(app.view_functions[rule.endpoint], "about", None)
        if about is None:
            continue
        guard = code(about["policy"]) if about["policy"] else f"public: {about['public']}"
        accepts = "; ".join(filter(None, (_fields(about["query"], "query"), _fields(about["body"], "body"))))
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"} or rule.methods):
            yield Route(method, rule.rule, _span(about["since"], about["until"]), guard, accepts)
        for action in about.get("actions") or ():
            yield Route(
                "POST", f"{rule.rule}: {action.name}", _span(action.since, action.until), code(action.policy), ""
            )


def _store_routes(fixture: Any) -> Iterator[Route]:
    """The object store's calls; S3's have no rules of their own and are described in its README."""
    paths = {"account": "/v1/{account}", "container": "/v1/{account}/{container}"}
    routes = fixture.app.routes
    for call in (*routes.calls.values(), *routes.variants.values()):
        path = paths.get(call.kind, "/v1/{account}/{container}/{object}")
        acl = f", or the container's {call.action.acl} ACL" if call.action.acl else ""
        yield Route(call.method, path, "", code(call.policy) + acl, f"variant: {call.variant}" if call.variant else "")


def _span(since: Version | None, until: Version | None) -> str:
    if since and until:
        return f"{text(since)} to {text(until)}"
    return f"since {text(since)}" if since else f"until {text(until)}" if until else ""


def _fields(schemas: Any, what: str) -> str:
    """The names that a schema knows, each with the version of the first schema that has it."""
    if not schemas:
        return ""
    known: dict[str, Version] = {}
    for version, validator in Checked(schemas).table.items():
        for name in _names(validator.schema):
            known.setdefault(name, version)
    shown = [code(name) + (f" ({text(version)})" if version > (2, 1) else "") for name, version in known.items()]
    return f"{what}: {', '.join(shown)}" if shown else ""


def _names(schema: Any) -> list[str]:
    """The members of an object; of one that only wraps another (`{"server": {…}}`), as `server.name`."""
    members = schema.get("properties", {}) if isinstance(schema, dict) else {}
    if len(members) != 1:
        return list(members)
    ((outer, inner),) = members.items()
    inner_members = inner.get("properties", {}) if isinstance(inner, dict) else {}
    return [f"{outer}.{name}" for name in inner_members] or [outer]
