"""Sends requests to every route that no schema describes: none may be answered with 500, nor take long.

    python tests/conformance/hostile.py --requests 25          to each route, as the gate does
    python tests/conformance/hostile.py compute --seed 7 --only servers

They have paths that aren't UTF-8, meaningless headers, numbers that are too large for a database, texts that look like
numbers, times at either end of the calendar, literals that Python can't parse, and bodies with the wrong type at each
place of the route's own schema. The service runs in this process and holds a few resources.
"""

import argparse
import json
import logging
import random
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from malformed_values import HEADERS, JSON, NAMES, TEXTS, bodies
from werkzeug.routing import Rule
from werkzeug.test import EnvironBuilder, run_wsgi_app
from worlds import SAMPLE, WORLDS, World

from pileus_kit.json_types import JsonObject

MAX_REQUEST_S = 20
DRAIN_EVERY = 200  # requests after which the jobs that they started are run
PATHS = (
    b"\xff\xfe",
    b"x" * 3000,
    b"%",
    b"..",
    b"\x01",
    "é²٣".encode(),
    b"-1",
    b"0",
    b"9" * 30,
    b" ",
    b"*",
    b"a\r\nb: c",
    b"'; DROP TABLE x",
    b"\xed\xa0\x80",
    b"null",
    b".",
    b"detail",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("services", nargs="*", choices=[*WORLDS, []], metavar="SERVICE")
    parser.add_argument("--requests", type=int, default=25, help="number of requests to each route")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only routes that contain this")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    failed = 0
    for service in given.services or WORLDS:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            failed += Attack(service, WORLDS[service](Path(folder), stack), given).run()
    return 1 if failed else 0


class Attack:
    """The hostile requests to one service, and their results."""

    def __init__(self, service: str, world: World, given: argparse.Namespace) -> None:
        self.service, self.world, self.given = service, world, given
        self.rng = random.Random(given.seed)
        self.statuses: Counter[int] = Counter()
        self.bugs: dict[str, str] = {}

    def run(self) -> bool:
        began = time.monotonic()
        for rule in sorted(self.world.app.url_map.iter_rules(), key=str):
            if self.given.only in rule.rule:
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    self._attack(rule, method)
        print(
            f"{self.service}: {sum(self.statuses.values())} hostile requests in {time.monotonic() - began:.0f} s: "
            + ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        )
        for label, why in self.bugs.items():
            print(f"  bug: {label}: {why}")
        return bool(self.bugs)

    def _attack(self, rule: Rule, method: str) -> None:
        about = getattr(self.world.app.view_functions[rule.endpoint], "about", {})
        malformed = self._bodies(about.get("body"))
        for number in range(self.given.requests):
            path = self._path(rule.rule, hostile=number % 5 == 1)
            headers = dict(self.rng.sample(HEADERS, 2)) if number % 5 == 2 else {}
            query = self._query(about.get("query")) if number % 5 == 3 or (method == "GET" and number % 2) else ""
            body = self._body(next(malformed, None), method)
            self._send(method, path, query, headers, body, f"{method} {rule.rule}")

    def _path(self, template: str, hostile: bool) -> bytes:
        """The path with ids that mostly exist, so that the request isn't refused at once."""

        def fill(match: re.Match[str]) -> str:
            noun = template[: match.start()].rstrip("/").rpartition("/")[2]
            known = self.world.ids_by_noun.get(noun)
            if hostile or not known:
                piece = self.rng.choice(PATHS) if hostile or self.rng.random() < 0.3 else SAMPLE.encode()
                return piece.decode("latin-1")
            return self.rng.choice(known)

        return re.sub(r"<[^>]*>", fill, template).encode("latin-1")

    def _query(self, schemas: Any) -> str:
        """One to three parameters, which the route's schema or lists in general know."""
        names = set(NAMES)
        for schema in _each(schemas):
            names |= set(schema.get("properties", {}))
        chosen = self.rng.sample(sorted(names), self.rng.randint(1, 3))
        return "&".join(
            f"{quote_from_bytes(name.encode())}={quote_from_bytes(self.rng.choice(TEXTS))}" for name in chosen
        )

    def _bodies(self, schemas: Any) -> Iterator[object]:
        every = [body for schema in _each(schemas) for body in bodies(schema, self.rng, 12)]
        self.rng.shuffle(every)
        yield from every

    def _body(self, malformed: object, method: str) -> bytes | None:
        if malformed is not None:
            return json.dumps(malformed).encode()
        return self.rng.choice(JSON) if method in ("POST", "PUT", "PATCH") else None

    def _send(
        self, method: str, path: bytes, query: str, headers: dict[str, str], body: bytes | None, label: str
    ) -> None:
        version = self.rng.choice([self.world.versions[0], self.world.versions[-1]])
        given = {"X-Auth-Token": self.world.token(self.rng.random() < 0.7)} | {
            name: value for name, value in headers.items() if name != "Host"
        }
        if version:
            given.setdefault("OpenStack-API-Version", f"{self.service} {version}")
        environ = EnvironBuilder(
            method=method,
            path="/",
            query_string=query,
            headers=list(given.items()),
            data=body,
            content_type="application/json" if body is not None else None,
        ).get_environ()
        environ["HTTP_HOST"] = headers.get("Host", "localhost").encode().decode("latin-1")
        environ["PATH_INFO"] = path.decode("latin-1")
        began = time.monotonic()
        try:
            answer: Any = run_wsgi_app(self.world.app, environ, buffered=True)
            line = answer[1]
            status = int(line.split()[0])
        except Exception as err:  # the server would close the connection without an answer
            status, answer = 599, err
        took = time.monotonic() - began
        self.statuses[status] += 1
        alone = status == 503 and b"does not answer" in b"".join(
            answer[0]
        )  # it needs a service that isn't in this world
        if (status >= 500 and status != 501 and not alone) or took > MAX_REQUEST_S:
            self.bugs.setdefault(
                label,
                f"{status} after {took:.1f} s: {path[:100]!r}?{query:.200} {headers!s:.200} "
                f"{version} {body[:300] if body else None!r} {answer if status == 599 else ''}",
            )
        if sum(self.statuses.values()) % DRAIN_EVERY == 0:
            self.world.drain()


def _each(schemas: Any) -> list[JsonObject]:
    """The oldest and the newest of a route's schemas."""
    if not schemas:
        return []
    if not all(isinstance(key, tuple) for key in schemas):
        return [schemas]
    return [schemas[version] for version in sorted({min(schemas), max(schemas)})]


if __name__ == "__main__":
    sys.exit(main())
