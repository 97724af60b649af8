"""Clusters (3.7): storage hosts that stand in for each other. Here each host works alone, so there are none."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import NAME, TEXT, only
from pileus_volume.core.filters import DIALECT, parse_boolean
from pileus_volume.errors import ClusterNotFound

resource = Resource("clusters", __name__, url_prefix="/v3/clusters")

SINCE = (3, 7)
FLAGS = ("is_up", "disabled", "frozen")
NUMBERS = ("num_hosts", "num_down_hosts")
GIVEN: JsonObject = {"type": "array"}
FILTERS = dict.fromkeys(("name", "binary", "is_up", "disabled", *NUMBERS), GIVEN)
REPLICATION_FILTERS = dict.fromkeys(("replication_status", "frozen", "active_backend_id"), GIVEN)
QUERY = {(3, 7): only((), **FILTERS), (3, 26): only((), **FILTERS, **REPLICATION_FILTERS)}
ENABLE = only(("name",), name=NAME, binary=TEXT)
DISABLE = only(("name",), name=NAME, binary=TEXT, disabled_reason=TEXT)


def _check_filters() -> None:
    """Refuse filters whose values no cluster could have. Raises Invalid."""
    for name, text in request.args.items():
        if name in FLAGS:
            parse_boolean(text, name)
        elif name in NUMBERS:
            DIALECT.number(name, text)


@resource.endpoint("GET", "", policy="clusters:get_all", query=QUERY, since=SINCE)
def index() -> Answer:
    """List the clusters."""
    _check_filters()
    return {"clusters": []}


@resource.endpoint("GET", "/detail", policy="clusters:get_all", query=QUERY, since=SINCE)
def detail() -> Answer:
    """List the clusters with details."""
    _check_filters()
    return {"clusters": []}


@resource.endpoint("GET", "/<name>", policy="clusters:get", since=SINCE)
def show(name: str) -> Answer:
    """Show a cluster."""
    raise ClusterNotFound(cluster=name)


@resource.endpoint("PUT", "/enable", policy="clusters:update", body=ENABLE, since=SINCE)
def enable(body: JsonObject) -> Answer:
    """Let the scheduler choose the hosts of a cluster."""
    raise ClusterNotFound(cluster=body["name"])


@resource.endpoint("PUT", "/disable", policy="clusters:update", body=DISABLE, since=SINCE)
def disable(body: JsonObject) -> Answer:
    """Keep the scheduler from choosing the hosts of a cluster."""
    raise ClusterNotFound(cluster=body["name"])
