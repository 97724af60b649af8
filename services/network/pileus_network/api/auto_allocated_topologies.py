"""/v2.0/auto-allocated-topology: "get me a network"."""

from typing import TYPE_CHECKING

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller
from pileus_network.api.attributes import authorize
from pileus_network.api.tools import tools
from pileus_network.api.transactions import read, write
from pileus_network.core import auto_allocated_topologies

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("topologies", __name__, url_prefix="/v2.0/auto-allocated-topology")

OWN = ("None", "null")
"""Clients write one of these for the project of their token."""


def _project(named: str) -> str:
    return (caller().project_id or "") if named in OWN else named


def _target(project_id: str) -> dict[str, str]:
    project = _project(project_id)
    return {"project_id": project, "tenant_id": project}


def _view(project_id: str, network_id: str) -> JsonObject:
    return {"auto_allocated_topology": {"id": network_id, "project_id": project_id, "tenant_id": project_id}}


@resource.endpoint("GET", "/<project_id>", policy="get_auto_allocated_topology", target=_target)
def show(project_id: str) -> Answer:
    """The first call creates the topology; `fields=dry-run` only checks whether it can be created."""
    project = _project(project_id)
    if "dry-run" in request.args.getlist("fields"):
        read(auto_allocated_topologies.check_requirements)
        return _view(project, "dry-run=pass")
    authorize("create_network", {"project_id": project, "tenant_id": project})

    def work(session: "Session") -> str:
        return auto_allocated_topologies.find_or_create(session, tools().config, project)

    return _view(project, write(work))


@resource.endpoint("DELETE", "/<project_id>", policy="delete_auto_allocated_topology", target=_target)
def delete(project_id: str) -> Answer:
    write(lambda session: auto_allocated_topologies.delete(session, _project(project_id)))
    return "", 204
