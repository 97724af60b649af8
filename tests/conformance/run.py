"""Sends generated requests to a service: none may end in 500, and each answer has to match the API's schema.

    python tests/conformance/run.py compute --requests 10000
    python tests/conformance/run.py --requests 300                      every service, as the gate does
    python tests/conformance/run.py --schemas DIRECTORY                 read the OpenAPI files again

schemathesis derives requests from OpenStack's OpenAPI files (openapi/SERVICE.json.xz, without their prose): bodies
and queries that match the schema and that don't, at every microversion, with ids that exist, were deleted, or never
existed. The service runs in this process as its fixture builds it, and the jobs that requests started are run.
A schema says little about the object store's URLs, so object_store_requests.py creates half of its requests.
deviations.txt lists answers that don't match the schema, each with its reason; any other one fails the run.
"""

import argparse
import fnmatch
import json
import logging
import lzma
import random
import re
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from object_store_world import StoreWorld
from schemathesis import Case
from schemathesis.core import NotSet
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from werkzeug.test import TestResponse
from worlds import WORLDS, World

from pileus_kit.json_types import JsonObject

HERE = Path(__file__).parent
FILES = {
    "identity": "identity-v3.14",
    "compute": "compute-v2.96",
    "image": "image-v2.16",
    "volume": "block-storage-v3.70",
    "network": "network-v2",
    "objectstore": "object-store-v1",
}
PATCH = "application/openstack-images-v2.1-json-patch"
MAX_REQUEST_S = 60
PROSE = ("description", "summary", "example", "examples", "tags", "externalDocs")


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("services", nargs="*", choices=[*FILES, []], metavar="SERVICE")
    parser.add_argument("--requests", type=int, default=1000, help="number of requests to each service")
    parser.add_argument("--seed", type=int, default=1, help="another seed generates other requests")
    parser.add_argument("--only", default="", help="only paths that contain this")
    parser.add_argument("--schemas", type=Path, metavar="DIRECTORY")
    given_ = parser.parse_args()
    if given_.schemas:
        return read_schemas(given_.schemas)
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)  # a 500 is reported with its request, which run alone shows its traceback
    failed = 0
    for service in given_.services or FILES:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            world = {**WORLDS, "objectstore": StoreWorld}[service](Path(folder), stack)
            if isinstance(world, StoreWorld):
                world.rng.seed(given_.seed)
            failed += Run(service, world, given_.requests, given_.seed, given_.only).report()
    return 1 if failed else 0


def read_schemas(directory: Path) -> int:
    import yaml

    for service, name in FILES.items():
        whole = yaml.load((directory / f"{name}.yaml").read_text(), Loader=yaml.CSafeLoader)
        text = json.dumps(_plain(whole), separators=(",", ":"), sort_keys=True, default=str)
        (HERE / "openapi" / f"{service}.json.xz").write_bytes(lzma.compress(text.encode(), preset=9))
    return 0


def _plain(value: object, inside_names: bool = False) -> object:
    """Remove the prose, but no property that is called `description`."""
    if isinstance(value, dict):
        return {
            key: _plain(one, key == "properties")
            for key, one in value.items()
            if inside_names or key not in PROSE or isinstance(one, dict)
        }
    return [_plain(one) for one in value] if isinstance(value, list) else value


class Run:
    """The requests to one service, and their results."""

    def __init__(self, service: str, world: World, requests: int, number: int, only: str) -> None:
        self.service, self.world, self.seed, self.random = service, world, number, random.Random(number)
        self.document = read(service)
        self.statuses: Counter[int] = Counter()
        self.bugs: dict[str, str] = {}
        self.deviations: dict[str, str] = {}
        found = [one for one in self._operations() if only in one.path]
        for operation in found:
            self._try(operation, max(1, round(requests / len(found))))

    def _operations(self) -> list[APIOperation]:
        """The operations for which the service has a route."""
        schema = schemathesis.openapi.from_dict(self.document)
        found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
        return [one for one in found if self.world.answers(one.method.upper(), one.path)]

    def _try(self, operation: APIOperation, times: int) -> None:
        @settings(
            max_examples=times,
            database=None,
            derandomize=self.seed == 1,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy())
        def once(case: Case) -> None:
            self._send(operation, case)

        try:
            (once if self.seed == 1 else seed(self.seed)(once))()
        except Unsatisfiable:  # random values rarely match some schemas
            print(f"  no request was generated from the schema of {operation.method.upper()} {operation.path}")

    def _send(self, operation: APIOperation, case: Case) -> None:
        version = self.random.choice(self.world.versions)
        path = self._path(operation.path, case)
        given_body = None if isinstance(case.body, NotSet) else self._with_real_ids(case.body)
        began = time.monotonic()
        with time_limit():
            answer = self.world.send(
                operation.method.upper(),
                path,
                given_body,
                dict(case.query or {}),
                version,
                self.random.random() < 0.7,
                dict(case.headers or {}),
            )
        took = time.monotonic() - began
        self.statuses[answer.status_code] += 1
        label = self.world.label_of_request or f"{operation.method.upper()} {operation.path}"
        shown = self.world.request_text or f"{path} {json.dumps(given_body)[:300]}"
        if took > MAX_REQUEST_S:
            self.bugs.setdefault(label, f"took {took:.0f} s at {version}: {shown}")
        elif answer.status_code >= 500 and answer.status_code != 501:
            self.bugs.setdefault(label, f"{answer.status_code} at {version}: {shown}")
        else:
            why = self.world.deviation(answer)
            if (
                not why
                and answer.status_code < 300
                and operation.method.upper() != "HEAD"
                and not self.world.label_of_request
            ):
                why = self._deviation(operation, answer)
            if why:
                self.deviations.setdefault(
                    f"{label} {answer.status_code}", f"{why} (at {version}: {self.world.request_text})"
                )

    def _path(self, template: str, case: Case) -> str:
        """The path with ids that mostly exist; others are the generator's."""
        made_up = dict(case.path_parameters or {})

        def fill(match: re.Match[str]) -> str:
            from urllib.parse import quote

            known = self.world.ids(template, match[1])
            if known and self.random.random() < 0.8:
                return self.random.choice(known)
            return quote(str(made_up.get(match[1], "x")), safe="") or "x"

        return re.sub(r"\{([^}]*)\}", fill, template)

    def _with_real_ids(self, body: object) -> object:
        """The body with references that exist about half of the time."""
        if isinstance(body, dict):
            return {key: self._real(key) or self._with_real_ids(value) for key, value in body.items()}
        return [self._with_real_ids(one) for one in body] if isinstance(body, list) else body

    def _real(self, key: str) -> str | None:
        known = self.world.ids_by_body_key.get(key)
        return self.random.choice(known) if known and self.random.random() < 0.6 else None

    def _deviation(self, operation: APIOperation, answer: TestResponse) -> str:
        """Why the answer doesn't match the schema; "" if it does, or if there is no schema."""
        responses = self.document["paths"][operation.path][operation.method.lower()]["responses"]
        about = responses.get(str(answer.status_code))
        if about is None:  # the files guess the 2xx status from the method; Tempest and the clients are right
            return ""
        wanted = about.get("content", {}).get("application/json", {}).get("schema")
        if not wanted or not answer.data or "json" not in (answer.content_type or ""):
            return ""
        error = next(validator(self.service, json.dumps(wanted, sort_keys=True)).iter_errors(answer.get_json()), None)
        if error is None:
            return ""
        deepest = error
        while deepest.context:
            deepest = min(deepest.context, key=lambda one: len(one.context or ()) - len(one.absolute_path))
        where = "/".join(str(part) for part in deepest.absolute_path if not isinstance(part, int))
        return f"{where}: {deepest.message[:200]}"

    def report(self) -> bool:
        """Print the results; True if there are bugs or unexplained deviations."""
        known = [label for label, _ in _explained(self.service)]
        fresh = {
            label: why
            for label, why in self.deviations.items()
            if not any(fnmatch.fnmatchcase(label, one) for one in known)
        }
        print(
            f"{self.service}: {sum(self.statuses.values())} requests: "
            + ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        )
        for label, why in sorted(self.bugs.items()):
            print(f"  bug: {label}: {why}")
        for label, why in sorted(fresh.items()):
            print(f"  deviates: {label}: {why}")
        print(f"{0 if self.bugs or fresh else 1} passed, {1 if self.bugs or fresh else 0} failed")
        return bool(self.bugs or fresh)


@contextmanager
def time_limit() -> Iterator[None]:
    """Interrupt a request that hangs with a TimeoutError in this thread, which ends as a 500."""

    def cut(*_: object) -> None:
        raise TimeoutError(f"no answer in {MAX_REQUEST_S} s")

    signal.signal(signal.SIGALRM, cut)
    signal.setitimer(signal.ITIMER_REAL, MAX_REQUEST_S + 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def read(service: str) -> JsonObject:
    """The schema of a service. A JSON patch counts as JSON until it is sent, and the media type `*` as text."""
    text = lzma.decompress((HERE / "openapi" / f"{service}.json.xz").read_bytes()).decode()
    return json.loads(text.replace(PATCH, "application/json").replace('"content":{"*":', '"content":{"text/plain":'))


@cache
def components(service: str) -> JsonObject:
    return _lenient(read(service)["components"])


@cache
def validator(service: str, schema: str) -> Draft202012Validator:
    return Draft202012Validator(_lenient(json.loads(schema)) | {"components": components(service)})


def _lenient(value: Any) -> Any:
    """A schema that accepts any of its variants, which overlap between microversions, and null everywhere.

    The files hardly ever say where null is allowed, though OpenStack answers null for everything without a value.
    """
    if isinstance(value, dict):
        made = {"anyOf" if key == "oneOf" else key: _lenient(one) for key, one in value.items()}
        if isinstance(made.get("type"), str | list):
            kinds = made["type"]
            made["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
        if "enum" in made and isinstance(made["enum"], list):
            made["enum"] = [*made["enum"], None]
        return made
    return [_lenient(one) for one in value] if isinstance(value, list) else value


def _explained(service: str) -> Iterator[tuple[str, str]]:
    for line in (HERE / "deviations.txt").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if name in (service, "all"):
            label, _, reason = rest.partition(" -- ")
            yield label, reason


if __name__ == "__main__":
    sys.exit(main())
