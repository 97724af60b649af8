"""`/operations`: what operators see and change of the cluster itself. Only the policy admits to these calls."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import BadRequest, NotFound, TooLarge
from pileus_kit.rates import Rates
from pileus_objectstore.api import authorization
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.core import dispersion, recon, ring_changes, storage_policies
from pileus_objectstore.core.access import Action
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.ring.ring_files import RingFiles

PREFIX = "/operations/"
MAX_BODY_BYTES = 1 << 16
JSON = "application/json; charset=UTF-8"


class Operation(NamedTuple):
    """A call with the policy rule that guards it."""

    rule: str
    handler: Callable[[Tools, Request], Response]


def answer(tools: Tools, rates: Rates, request: Request) -> Response:
    """Answer a call below /operations/. Raises NotFound, Unauthorized, Forbidden and what the call raises."""
    methods = {method: operation for (method, path), operation in OPERATIONS.items() if path == request.path}
    if not methods:
        raise NotFound(why=NOT_FOUND)
    operation = methods.get(request.method)
    if operation is None:
        return Response(405, [("Allow", ", ".join(sorted(methods)))])
    request.environ["pileus.rule"] = operation.rule
    authorization.identify(tools, rates, request)
    request.access.require(Action(operation.rule), Target(""))
    return operation.handler(tools, request)


def show_rings(tools: Tools, request: Request) -> Response:
    """The rings and the storage policies."""
    files = _files(tools)
    return _json({"rings": ring_changes.show(files), "policies": files.policies()})


def change_rings(tools: Tools, request: Request) -> Response:
    """Make a change (see core/ring_changes.py). The other hosts have it within seconds."""
    data = request.body(MAX_BODY_BYTES)
    if len(data) > MAX_BODY_BYTES:
        raise TooLarge(why=f"The body may have at most {MAX_BODY_BYTES} bytes.")
    try:
        change: ring_changes.AnyChange = decoding.decoder(ring_changes.AnyChange).decode(data)
    except msgspec.DecodeError as e:
        raise BadRequest(why=f"This is not a change of rings: {e}") from e
    return _json({"done": ring_changes.apply(_files(tools), change)})


def show_hosts(tools: Tools, request: Request) -> Response:
    """How each storage host is: {address: what Swift's recon tells of one, or why it does not answer}."""
    return _json({"hosts": recon.ask_all(tools)})


def show_dispersion(tools: Tools, request: Request) -> Response:
    """Swift's dispersion report for the objects of a storage policy (`policy`, by default the default)."""
    return _json(dispersion.report(tools, _policy(tools, request)))


def populate_dispersion(tools: Tools, request: Request) -> Response:
    """Store what the report asks for, for `coverage` percent of the partitions (1)."""
    try:
        coverage = float(request.query.get("coverage", 1))
    except ValueError:
        coverage = -1.0
    if not 0 < coverage <= 100:
        raise BadRequest(why="coverage is a percentage above 0.")
    return _json(dispersion.populate(tools, coverage, _policy(tools, request)))


def _policy(tools: Tools, request: Request) -> int:
    chosen = storage_policies.chosen(tools, request.query.get("policy", ""))
    return tools.cluster.rings.policies().default if chosen is None else chosen


def _files(tools: Tools) -> RingFiles:
    return RingFiles(tools.cluster.rings.directory)


def _json(value: object) -> Response:
    return Response(200, (), msgspec.json.encode(value), JSON)


OPERATIONS = {
    ("GET", "/operations/rings"): Operation("objectstore:rings:read", show_rings),
    ("GET", "/operations/hosts"): Operation("objectstore:hosts:read", show_hosts),
    ("GET", "/operations/dispersion"): Operation("objectstore:hosts:read", show_dispersion),
    ("POST", "/operations/dispersion"): Operation("objectstore:dispersion:populate", populate_dispersion),
    ("POST", "/operations/rings"): Operation("objectstore:rings:update", change_rings),
}
