"""The small service again, with tokens checked at an identity over HTTP: guarded_service.py CONFIG."""

import sys
from pathlib import Path
from typing import Any

from pileus_kit import process
from pileus_kit.config import ServiceConfig
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer, Rule
from pileus_kit.web import Resource, caller, create_app, named_error, tools_of

things = Resource("things", __name__, url_prefix="/v1")
tools = tools_of(Peers)


@things.endpoint("GET", "/", public="tests ask without a token")
def versions() -> dict[str, Any]:
    return {"versions": []}


@things.endpoint("GET", "/who", policy="small:things")
def who() -> dict[str, Any]:
    return {"user": caller().user_id}


@things.endpoint("GET", "/neighbour/<path:path>", policy="small:things")
def neighbour(path: str) -> Any:
    return tools().call("neighbour", "GET", f"/{path}", caller=caller())


def build(config: ServiceConfig) -> Any:
    peers = Peers(config)
    return create_app(
        "small",
        tools=peers,
        resources=[things],
        authenticate=peers.authenticator(),
        enforcer=Enforcer([Rule("small:things", "@")], Path(config.state, "none.yaml")),
        error_view=named_error,
        service_type="small",
    )


if __name__ == "__main__":
    process.serve_api(build, process.load_config(ServiceConfig, ["--config", sys.argv[1]], "small-api"), "small-api")
