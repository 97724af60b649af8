"""`/operations/hosts`: what the agents of a service find on their machines, for `pileus doctor` and `status`.

An administrator asks; each host's agent looks at its own machine over the bus (`pileus_kit.inspection`) and answers its
own service only. A host that reports is asked, all of a page at once; one that doesn't is named with the reason.
"""

import contextvars
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
from flask import request

from pileus_kit.db import Session
from pileus_kit.errors import CloudError
from pileus_kit.hosts import HostPage, KnownHost
from pileus_kit.inspection import Inspection
from pileus_kit.json_types import JsonObject
from pileus_kit.listing import Dialect
from pileus_kit.operations import tools
from pileus_kit.policy import ADMIN, Rule
from pileus_kit.rpc import RemoteFailure
from pileus_kit.web import Resource

RULES = [Rule("pileus:hosts:inspect", ADMIN, "Have every host say what is on its machine", ("project",))]
PAGE = 50
"""Hosts that are asked at the same time, each by a thread that waits for it."""
TEXT: JsonObject = {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 1}
QUERY: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"limit": TEXT, "marker": TEXT, "host": TEXT},
}
LISTING = Dialect(not_a_number="{name} has to be a whole number, not {value}.")


def resource(find: Callable[[Session, HostPage], Sequence[KnownHost]], ask: Callable[[str], Inspection]) -> Resource:
    """Return the route of a service. `ask` calls the inspection of a host's agent."""
    routes = Resource("host_inspections", __name__, url_prefix="/operations")

    @routes.endpoint("GET", "/hosts", policy="pileus:hosts:inspect", query=QUERY)
    def hosts() -> JsonObject:
        """Inspect hosts, in the order of their names; `marker` is the last one's name."""
        given = request.args
        page = HostPage(
            given.get("marker", ""), LISTING.limit(given, default=PAGE, maximum=PAGE), given.get("host", "")
        )
        with tools().sessions.read() as session:
            known = find(session, page)
        contexts = [contextvars.copy_context() for _ in known]
        with ThreadPoolExecutor(max_workers=max(len(known), 1)) as pool:
            asked = [
                pool.submit(context.run, _inspect, ask, host) for context, host in zip(contexts, known, strict=True)
            ]
            return {"hosts": [one.result() for one in asked]}

    return routes


def _inspect(ask: Callable[[str], Inspection], host: KnownHost) -> JsonObject:
    view: JsonObject = {"host": host.name, "silence": host.silence, "clock_skew_s": None, "inspection": None}
    if host.silence:
        return view
    began = time.time()
    try:
        found = ask(host.name)
    except (CloudError, RemoteFailure) as err:
        return view | {"silence": f"does not answer: {err}"}
    ended = time.time()
    ahead, behind = max(0.0, found.machine.clock - ended), min(0.0, found.machine.clock - began)
    return view | {"clock_skew_s": round(ahead + behind, 1), "inspection": msgspec.to_builtins(found)}
