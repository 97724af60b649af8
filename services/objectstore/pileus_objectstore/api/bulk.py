"""Many deletions in one request, and the parts of a large object together with it."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote
from xml.sax.saxutils import escape

import msgspec

from pileus_kit.errors import BadRequest, CloudError, NotFound, TooLarge, Unauthorized
from pileus_objectstore.api import large, storing, versions
from pileus_objectstore.api.authorization import DELETE, judge
from pileus_objectstore.api.http import REASONS, Request, Response
from pileus_objectstore.api.metadata_headers import remove_container
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.names import Target, check

MAX_DELETES = 10_000
MAX_BYTES = MAX_DELETES * 1400
MAX_WRITERS = 4


def delete_segments(tools: Tools, request: Request) -> Response:
    """DELETE ?multipart-manifest=delete."""
    return report(request, erase(tools, request, large.segments_to_delete(tools, request.target)))


def delete_many(tools: Tools, request: Request) -> Response:
    """?bulk-delete: one URL-encoded path a line, each of them judged like a request of its own."""
    if request.caller is None:
        raise Unauthorized()
    data = request.body(MAX_BYTES)
    lines = [line.strip() for line in data.decode(errors="replace").splitlines() if line.strip()]
    if len(lines) > MAX_DELETES or len(data) > MAX_BYTES:
        raise TooLarge(why=f"Maximum Bulk Deletes: {MAX_DELETES} per request")
    if not lines:
        raise BadRequest(why="Invalid bulk delete.")
    targets = [Target(request.target.account, *unquote(line).lstrip("/").split("/", 1)) for line in lines]
    return report(request, erase(tools, request, targets))


def erase(tools: Tools, request: Request, targets: Iterable[Target]) -> list[tuple[Target, int]]:
    """[(target, status)]: objects side by side, then containers, which may be empty by then."""
    targets = list(targets)
    things = [target for target in targets if target.object]
    with ThreadPoolExecutor(MAX_WRITERS) as hands:
        outcomes = list(hands.map(lambda target: (target, _erase(tools, request, target)), things))
    return outcomes + [(target, _erase(tools, request, target)) for target in targets if not target.object]


def _erase(tools: Tools, request: Request, target: Target) -> int:
    try:
        check(target)
        if not target.container:
            raise BadRequest(why="a line names an object or a container")
        if not target.object:
            judge(tools, request, target, "objectstore:container:delete", "")
            return remove_container(tools, target).status
        judge(tools, request, target, *DELETE)
        container = storing.container_of(tools, target)
        if versions.location(container):
            return versions.remove(tools, target, container).status
        return storing.remove(tools, target).status
    except NotFound:
        return 404
    except CloudError as e:
        return e.status


def report(request: Request, outcomes: list[tuple[Target, int]]) -> Response:
    errors = [
        (str(target).removeprefix(f"/{target.account}"), status)
        for target, status in outcomes
        if status >= 400 and status != 404
    ]
    counts = {
        "Number Deleted": sum(1 for _, status in outcomes if status < 300),
        "Number Not Found": sum(1 for _, status in outcomes if status == 404),
    }
    return answer_of(request, counts, errors, "", made=True)


def answer_of(
    request: Request, counts: dict[str, int], errors: list[tuple[str, int]], why: str, made: bool = False
) -> Response:
    """Swift's bulk answer: always 200, the real status inside."""
    good = "201 Created" if "Number Files Created" in counts else "200 OK"
    status = good if made and not errors and not why else "400 Bad Request"
    numbers: dict[str, object] = {**counts, "Response Status": status, "Response Body": why}
    if "json" in request.header("Accept") or request.query.get("format") == "json":
        view = numbers | {"Errors": [[name, REASONS.get(code, str(code))] for name, code in errors]}
        return Response(200, (), msgspec.json.encode(view), "application/json")
    if "xml" in request.header("Accept") or request.query.get("format") == "xml":
        return Response(200, (), as_xml(numbers, errors), "text/xml")
    lines = [f"{name}: {value}" for name, value in numbers.items()] + ["Errors:"]
    lines += [f"{name}, {REASONS.get(code, code)}" for name, code in errors]
    return Response(200, (), "\n".join(lines).encode(), "text/plain")


def as_xml(numbers: dict[str, object], errors: list[tuple[str, int]]) -> bytes:
    """The same as elements; names have underscores for spaces."""
    kind = "upload" if "Number Files Created" in numbers else "delete"
    fields = "".join(
        f"<{name.lower().replace(' ', '_')}>{escape(str(value))}</{name.lower().replace(' ', '_')}>\n"
        for name, value in numbers.items()
    )
    rows = "".join(
        f"<object><name>{escape(name)}</name><status>{escape(REASONS.get(code, str(code)))}</status></object>\n"
        for name, code in errors
    )
    return f"<{kind}>\n{fields}<errors>\n{rows}</errors>\n</{kind}>\n".encode()
