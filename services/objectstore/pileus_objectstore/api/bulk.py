"""?bulk-delete: many deletions in one request; and the answer that all bulk operations of Swift give."""

from collections.abc import Iterable
from urllib.parse import unquote
from xml.sax.saxutils import escape

import msgspec

from pileus_kit.errors import BadRequest, TooLarge, Unauthorized
from pileus_objectstore.api.http import REASONS, Request, Response
from pileus_objectstore.core.bulk_delete import Deletion, delete_all
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools

MAX_DELETES = 10_000
MAX_BODY_BYTES = MAX_DELETES * 1400


def delete_many(tools: Tools, request: Request) -> Response:
    """Delete what the body names, one URL-encoded path a line."""
    if request.access.caller is None:
        raise Unauthorized()
    data = request.body(MAX_BODY_BYTES)
    lines = [line.strip() for line in data.decode(errors="replace").splitlines() if line.strip()]
    if len(lines) > MAX_DELETES or len(data) > MAX_BODY_BYTES:
        raise TooLarge(why=f"Maximum Bulk Deletes: {MAX_DELETES} per request")
    if not lines:
        raise BadRequest(why="Invalid bulk delete.")
    targets = [Target(request.target.account, *unquote(line).lstrip("/").split("/", 1)) for line in lines]
    return report(request, delete_all(tools, request.access, targets))


def report(request: Request, deletions: Iterable[Deletion]) -> Response:
    """The answer to a bulk deletion."""
    counts, errors = {"Number Deleted": 0, "Number Not Found": 0}, []
    for target, error in deletions:
        if error is None:
            counts["Number Deleted"] += 1
        elif error.status == 404:
            counts["Number Not Found"] += 1
        else:
            errors.append((str(target).removeprefix(f"/{target.account}"), error.status))
    return answer(request, counts, errors, "", complete=True)


def answer(
    request: Request, counts: dict[str, int], errors: list[tuple[str, int]], why: str, *, complete: bool
) -> Response:
    """Swift's answer to bulk operations: the status is always 200, the real one is in the body."""
    good = "201 Created" if "Number Files Created" in counts else "200 OK"
    status = good if complete and not errors and not why else "400 Bad Request"
    fields: dict[str, object] = {**counts, "Response Status": status, "Response Body": why}
    body, media = render(request, fields, [(name, REASONS.get(code, str(code))) for name, code in errors])
    return Response(200, (), body, media)


def render(request: Request, fields: dict[str, object], errors: list[tuple[str, str]]) -> tuple[bytes, str]:
    """(body, media type) of a report: fields, then what went wrong with which name; as the client wants it."""
    if "json" in request.header("Accept") or request.query.get("format") == "json":
        return msgspec.json.encode(fields | {"Errors": errors}), "application/json"
    if "xml" in request.header("Accept") or request.query.get("format") == "xml":
        return _xml(fields, errors), "text/xml"
    lines = [f"{name}: {value}" for name, value in fields.items()] + ["Errors:"]
    lines += [f"{name}, {why}" for name, why in errors]
    return "".join(f"{line}\n" for line in lines).encode(), "text/plain"


def _xml(numbers: dict[str, object], errors: list[tuple[str, str]]) -> bytes:
    """The same as elements; their names have underscores instead of spaces."""
    kind = "delete" if "Number Deleted" in numbers else "upload"
    fields = "".join(
        f"<{name.lower().replace(' ', '_')}>{escape(str(value))}</{name.lower().replace(' ', '_')}>\n"
        for name, value in numbers.items()
    )
    rows = "".join(
        f"<object><name>{escape(name)}</name><status>{escape(why)}</status></object>\n" for name, why in errors
    )
    return f"<{kind}>\n{fields}<errors>\n{rows}</errors>\n</{kind}>\n".encode()
