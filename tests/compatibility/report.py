"""Writes docs/compatibility.md: which operations of OpenStack's APIs are answered, and the results of Tempest's tests.

    python tests/compatibility/report.py                                   from the files beside this one
    python tests/compatibility/report.py --tempest compute RESULTS.json    first store the run of all tests of a service
    python tests/compatibility/report.py --tempest scenario RESULTS.json   the same for Tempest's scenarios
    python tests/compatibility/report.py --operations DIRECTORY            read the lists of operations again

`operations/SERVICE.txt` has a line for each documented operation: method, path, the action in the body, marks (T: a
required interop test reaches it; t: any test of Tempest does; s: openstacksdk calls it; d: deprecated).
`tempest/SERVICE.json` has the counts of a run, and the messages of tests that didn't pass. `failures.txt` explains
these: the beginning of a test's name -- why. `swift_suite.md` is the last run of Swift's own functional suite.
A failure that it doesn't explain fails the check.
Exit status 1 if docs/compatibility.md would change and --check is given.
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from pileus_kit.json_types import JsonObject

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "compatibility.md"
SERVICES = ("identity", "compute", "image", "volume", "network", "object-store", "placement")
SAMPLE = "11111111-2222-3333-4444-555555555555"
REFUSED = {
    "os-migrateLive",  # actions that answer 501, whatever is asked
    "enable_replication",
    "disable_replication",
    "failover_replication",
    "list_replication_targets",
}
ROW = re.compile(r"\| ([A-Z]+) \| `([^`]+)`(?: `([^`]+)`)? \| [^|]*\| ([^|]*)\|")


@dataclass(frozen=True)
class Operation:
    """One documented operation of an API."""

    method: str
    path: str
    action: str
    marks: str


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=Path, metavar="DIRECTORY")
    parser.add_argument("--tempest", nargs=2, action="append", default=[], metavar=("SERVICE", "RESULTS.json"))
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if given.operations:
        read_operations(given.operations)
    for service, file in given.tempest:
        keep_run(service, Path(file))
    text = page()
    if given.check:
        same = PAGE.read_text() == text
        print("docs/compatibility.md is current" if same else "docs/compatibility.md is old: run this command")
        return 0 if same else 1
    PAGE.write_text(text)
    return 0


# -- stored files -------------------------------------------------------------------------------------------------


def read_operations(directory: Path) -> None:
    """Write operations/SERVICE.txt from the tables of SERVICE.md."""
    for service in SERVICES:
        text = (directory / f"{service}.md").read_text()
        rows = [match.groups() for match in map(ROW.match, text.splitlines()) if match]
        found = {
            f"{method:6} {path} {action or '-'} {marks.strip() or '-'}"
            for method, path, action, marks in rows
            if not marks.strip().isdigit()
        }
        lines = sorted(found, key=lambda line: (line[7:], line))
        (HERE / "operations" / f"{service}.txt").write_text("\n".join(lines) + "\n")


def operations(service: str) -> Iterator[Operation]:
    """The documented operations of a service."""
    for line in (HERE / "operations" / f"{service}.txt").read_text().splitlines():
        method, path, action, marks = line.split(maxsplit=3)
        yield Operation(method, path, "" if action == "-" else action, marks.strip("-"))


def keep_run(service: str, file: Path) -> None:
    """Store the counts and failures of a results.json: {"tests": [{"name", "status", "detail"}]}."""
    tests = json.loads(file.read_text())["tests"]
    ends = Counter(test["status"] for test in tests)
    skipped = Counter(test["detail"] for test in tests if test["status"] == "skipped")
    failed = {test["name"]: test["detail"][:300] for test in tests if test["status"] not in ("passed", "skipped")}
    (HERE / "tempest").mkdir(exist_ok=True)
    (HERE / "tempest" / f"{service}.json").write_text(
        json.dumps(
            {
                "passed": ends["passed"],
                "failed": len(failed),
                "skipped": ends["skipped"],
                "skips": dict(skipped.most_common()),
                "failures": failed,
            },
            indent=1,
            sort_keys=True,
        )
        + "\n"
    )


# -- routes -----------------------------------------------------------------------------------------------------


class Answers:
    """Tells whether an application has a route for an operation, and the action that its body names."""

    def __init__(self, urls: Map, prefix: str = "", actions: frozenset[str] = frozenset()) -> None:
        self._urls, self._prefix, self._actions = urls.bind("localhost"), prefix, actions

    def __call__(self, operation: Operation) -> bool:
        path = self._prefix + re.sub(r"\{[^}]*\}", SAMPLE, operation.path.replace("/v3/{project_id}/", "/v3/"))
        for number in (SAMPLE, "1"):
            try:
                self._urls.match(path.replace(SAMPLE, number), method=operation.method)
                break
            except HTTPException:
                continue
        else:
            return False
        return not operation.action or not path.endswith("/action") or operation.action in self._actions


def answers(place: Path) -> dict[str, Callable[[Operation], bool]]:
    """For each service a function that tells whether it answers an operation; the fixtures build the applications."""
    from pileus_compute.api import aggregates, flavor_access
    from pileus_compute.api.server_actions import actions
    from pileus_compute.testing import ComputeFixture
    from pileus_identity.testing import IdentityFixture
    from pileus_image.testing import ImageFixture
    from pileus_network.testing import NetworkFixture
    from pileus_objectstore.testing import ObjectStoreFixture
    from pileus_volume.api import attachments, backups, group_snapshots, groups, snapshots, types, volume_actions
    from pileus_volume.testing import VolumeFixture

    of_others = {
        name
        for table in (aggregates.ACTION, flavor_access.ACTION)
        for action in table[2, 1]["oneOf"]
        for name in action["properties"]
    }
    store = ObjectStoreFixture(place / "objects")
    calls = store.app.calls

    def object_store(operation: Operation) -> bool:
        kinds = ("account", "container", "object")
        depth = operation.path.removeprefix("/v1/").strip("/").count("/")
        if not operation.path.startswith("/v1/"):
            return operation.path == "/info"
        return (kinds[min(depth, 2)], operation.method) in calls

    store.close()
    with IdentityFixture() as identity, VolumeFixture() as volume:
        return {
            "identity": Answers(identity.app.url_map),
            "compute": Answers(
                ComputeFixture(place / "compute").app.url_map,
                "/v2.1",
                frozenset({action.name for action in actions} | of_others) - REFUSED,
            ),
            "image": Answers(ImageFixture(place / "image").app.url_map),
            "volume": Answers(
                volume.app.url_map,
                actions=frozenset(
                    action.name
                    for noun in (volume_actions, snapshots, attachments, types, backups, groups, group_snapshots)
                    for action in noun.actions
                    if action.name not in REFUSED
                ),
            ),
            "network": Answers(NetworkFixture(place).app.url_map),
            "object-store": object_store,
            "placement": lambda operation: False,
        }


# -- the page ------------------------------------------------------------------------------------------------------

HEAD = """\
# Compatibility

Written by `python tests/compatibility/report.py`; don't edit it. An operation is *answered* when the service has a
route for it; what isn't answered is 404 or 501. T: a required interop test reaches it; t: any test of Tempest does; s:
openstacksdk calls it; d: deprecated. A run of Tempest is of a service's own tests, on the fake hypervisor.

| service | operations | answered | of those with T | of those with t or s | Tempest 47: passed | failed | skipped |
|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole text of docs/compatibility.md."""
    with tempfile.TemporaryDirectory() as folder:
        answered = answers(Path(folder))
    rows, details = [], []
    for service in SERVICES:
        found = [(operation, bool(answered[service](operation))) for operation in operations(service)]
        file = HERE / "tempest" / f"{service}.json"
        run = json.loads(file.read_text()) if file.exists() else None
        counts = f"{run['passed']} | {run['failed']} | {run['skipped']}" if run else "not run | |"
        shares = " | ".join(_share(found, marks) for marks in ("", "T", "ts"))
        rows.append(f"| {service} | {len(found)} | {shares} | {counts} |")
        details.append(_detail(service, found, run))
    measured = "\n".join((HERE / name).read_text() for name in ("s3.md", "swift_suite.md"))
    return HEAD + "\n".join(rows) + "\n\n" + _scenarios() + "\n".join(details) + measured


def _scenarios() -> str:
    file = HERE / "tempest" / "scenario.json"
    if not file.exists():
        return ""
    run = json.loads(file.read_text())
    counts = f"{run['passed']} passed, {run['failed']} failed, {run['skipped']} skipped"
    return f"Tempest's scenarios, on real guests with logins: {counts}.\n\n" + "\n".join(_ends(run)) + "\n"


def _share(found: list[tuple[Operation, bool]], marks: str) -> str:
    chosen = [answered for operation, answered in found if not marks or set(marks) & set(operation.marks)]
    return f"{sum(chosen)}" if not marks else f"{sum(chosen)} of {len(chosen)}"


def _detail(service: str, found: list[tuple[Operation, bool]], run: JsonObject | None) -> str:
    lines = [f"## {service}", "", *(_ends(run) if run else ())]
    for title, wanted in (("Not answered", False), ("Answered", True)):
        chosen = [operation for operation, answered in found if answered is wanted]
        if chosen:
            lines += [f"{title}:", "", *(f"- {_text(operation)}" for operation in chosen), ""]
    return "\n".join(lines)


def _ends(run: JsonObject) -> list[str]:
    lines = []
    if run["failures"]:
        lines += [
            "Failed:",
            "",
            *(f"- `{name}`: {explained(name)}. It said: {said}" for name, said in sorted(run["failures"].items())),
            "",
        ]
    if run["skips"]:
        lines += [
            "Skipped:",
            "",
            *(
                f"- {count} × {why}"
                for why, count in sorted(run["skips"].items(), key=lambda item: (-item[1], item[0]))
            ),
            "",
        ]
    return lines


def explained(test: str) -> str:
    """Why a test fails. Exits if failures.txt doesn't say so."""
    for line in (HERE / "failures.txt").read_text().splitlines():
        beginning, _, why = line.partition(" -- ")
        if test.startswith(beginning):
            return why
    raise SystemExit(f"failures.txt doesn't explain {test}")


def _text(operation: Operation) -> str:
    return (
        f"`{operation.method} {operation.path}`"
        + (f" `{operation.action}`" if operation.action else "")
        + (f" {operation.marks}" if operation.marks else "")
    )


if __name__ == "__main__":
    sys.exit(main())
