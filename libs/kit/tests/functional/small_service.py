"""A small service on the kit's server, for tests of its edge: small_service.py CONFIG [the app's settings]."""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from flask import Response, request

from pileus_kit import process
from pileus_kit.config import ServiceConfig
from pileus_kit.policy import Enforcer, Rule
from pileus_kit.testing import TokenBook
from pileus_kit.web import Resource, create_app, named_error, tools_of

things = Resource("things", __name__, url_prefix="/v1")
DEADLINE_S = 60
tools = tools_of(ServiceConfig)


@things.endpoint("GET", "/", public="tests ask without a token")
def versions() -> dict[str, Any]:
    return {"versions": [], "threads": threading.active_count(), "process": os.getpid()}


@things.endpoint("POST", "/things", policy="small:things", body={"type": "object"})
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    return {"thing": body}, 202


@things.endpoint("POST", "/open", public="like a login", body={"type": "object"})
def login(body: dict[str, Any]) -> dict[str, Any]:
    return {"open": body}


@things.endpoint("PUT", "/data", policy="small:things", raw=True)
def upload() -> dict[str, Any]:
    total = 0
    while piece := request.stream.read(1 << 16):
        total += len(piece)
    return {"bytes": total}


@things.endpoint("PUT", "/ignored", policy="small:things", raw=True)
def ignore() -> tuple[dict[str, Any], int]:
    return {"ignored": True}, 200


@things.endpoint("GET", "/data", public="tests ask without a token")
def download() -> Response:
    size = int(request.args["size"])
    return Response((bytes(1 << 16) for _ in range(size >> 16)), headers={"Content-Length": str(size)})


@things.endpoint("GET", "/whole", public="tests ask without a token")
def whole() -> Response:
    return Response(bytes(int(request.args["size"])))


@things.endpoint("GET", "/wait/<name>", policy="small:things")
def wait(name: str) -> dict[str, Any]:
    """Answer once the file `name` exists."""
    path, end = Path(tools().state, name), time.monotonic() + DEADLINE_S
    Path(tools().state, f"{name}.{time.monotonic_ns()}.begun").touch()
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return {"waited": name}


@things.endpoint("GET", "/work", public="tests ask without a token")
def work() -> dict[str, Any]:
    """Some milliseconds of nothing but computing."""
    return {"sum": sum(range(200_000)), "process": os.getpid()}


@things.endpoint("GET", "/caller", public="tests ask without a token")
def show_caller() -> dict[str, Any]:
    """Where the request came from, and how its client reaches this API."""
    return {"address": request.remote_addr, "root": request.url_root}


@things.endpoint("GET", "/bug", policy="small:things")
def bug() -> None:
    raise LookupError("secret words")


def build(config: ServiceConfig) -> Any:
    return create_app(
        "small",
        tools=config,
        resources=[things],
        authenticate=TokenBook(),
        enforcer=Enforcer([Rule("small:things", "@")]),
        error_view=named_error,
        service_type="small",
    )


if __name__ == "__main__":
    process.serve_api(build, process.load_config(ServiceConfig, ["--config", sys.argv[1]], "small-api"), "small-api")
