"""Policy matrices: every route of a service, requested by every kind of caller, compared with a reviewed table.

The table has for each route its policy rule and the status that each caller gets with made-up ids and an empty body:
401 and 403 are refusals, any other status means that the policy let the caller through. Rewrite it with
PILEUS_WRITE_TABLES=1, and read the difference.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from pileus_kit.testing.callers import TokenBook
from pileus_kit.testing.clients import Client

ANONYMOUS = "none"
SAMPLES = {"UUIDConverter": "11111111-2222-3333-4444-555555555555", "IntegerConverter": 1, "FloatConverter": 1.0}
SAMPLE = "11111111-2222-3333-4444-555555555555"


def assert_policy_matrix(
    app: Flask,
    book: TokenBook,
    table: Path,
    *,
    headers: Mapping[str, str] | None = None,
    samples: Mapping[str, str] | None = None,
) -> None:
    """Compare the routes of `app` with `table`.

    `samples` are values of path arguments by name; project_id is the callers' own, p1.
    """
    assert_table(
        policy_matrix(app, book, headers or {}, {"project_id": "p1", "tenant_id": "p1", **(samples or {})}), table
    )


def assert_table(found: str, table: Path) -> None:
    """Fail with the lines in which `found` differs from the reviewed `table`."""
    if os.environ.get("PILEUS_WRITE_TABLES"):
        table.write_text(found)
    wanted = table.read_text() if table.exists() else ""
    changed = set(found.splitlines()) ^ set(wanted.splitlines())
    assert not changed, f"the routes differ from {table.name} in:\n" + "\n".join(sorted(changed))


def policy_matrix(app: Flask, book: TokenBook, headers: Mapping[str, str], samples: Mapping[str, str]) -> str:
    """Return the table: a line for each route, a column for each kind of caller."""
    actors: dict[str, Any] = {
        ANONYMOUS: None,
        "expired": book.expired,
        "revoked": book.revoked,
        "nobody": book.without_roles,
        "reader": book.reader,
        "other": book.other,
        "member": book.member,
        "manager": book.manager,
        "admin": book.admin,
        "service": book.service,
        "domain": book.domain_admin,
        "sysread": book.system_reader,
        "system": book.system_admin,
    }
    client = Client(app)
    lines = [f"{'':8}{'':70}{'rule':60}" + " ".join(f"{name:>8}" for name in actors)]
    for method, url, path, about in routes(app, samples):
        rule = about.get("policy") or f"public: {about.get('public')}"
        statuses = [
            client.request(method, path, as_=actor, anonymous=actor is None, headers=headers).status_code
            for actor in actors.values()
        ]
        bugs = [status for status in statuses if status == 500]
        assert not bugs, f"{method} {url} answers 500"
        if about.get("policy"):
            assert statuses[:3] == [401, 401, 401], f"{method} {url} lets in callers without a valid token: {statuses}"
        lines.append(f"{method:8}{url:70}{rule:60}" + " ".join(f"{status:>8}" for status in statuses))
    return "\n".join(lines) + "\n"


def routes(app: Flask, samples: Mapping[str, str]) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Return (method, rule, a path that matches it, what its endpoint declares) for each route, in a stable order."""
    adapter = app.url_map.bind("localhost")
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        about = getattr(view, "about", None)
        if about is None:
            assert rule.rule == "/healthcheck", f"{rule.rule} was not declared with Resource.endpoint"
            continue
        values = {
            name: samples.get(name, SAMPLES.get(type(rule._converters[name]).__name__, SAMPLE))
            for name in rule.arguments
        }
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            found.append((method, rule.rule, adapter.build(rule.endpoint, values, method=method), about))
    return sorted(found, key=lambda route: (route[1], route[0]))
