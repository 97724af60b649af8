"""/v2.0/quotas: limits of projects, and how much of them is used."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_kit.web import Resource, caller
from pileus_network.api import converters
from pileus_network.api.attributes import JSON_OBJECT, Attribute, AttributeMap, authorize
from pileus_network.api.transactions import read, write
from pileus_network.core import quotas
from pileus_network.db.models import Project
from pileus_network.errors import HTTPBadRequest, TenantQuotaNotFound

resource = Resource("quotas", __name__, url_prefix="/v2.0/quotas")

MAX_PROJECTS = 1000
LIMIT = converters.integer(-1, 2**31 - 1)
ATTRIBUTE_MAP = AttributeMap(
    "quota",
    "quotas",
    {name: Attribute(LIMIT) for name in quotas.DEFAULTS}
    | {"check_limit": Attribute(converters.boolean), "force": Attribute(converters.boolean)},
)


def _target(project_id: str) -> dict[str, str]:
    return {"project_id": project_id, "tenant_id": project_id}


def _limits(project_id: str) -> dict[str, int]:
    return read(lambda session: quotas.list_limits(session, session.get(Project, project_id)))


@resource.endpoint("GET", "", policy="update_quota")
def index() -> dict[str, Any]:
    """Projects whose limits differ from the defaults."""

    def work(session: Session) -> list[dict[str, Any]]:
        rows = session.scalars(select(Project).order_by(Project.id))
        changed = [row for row in rows if row.quotas][:MAX_PROJECTS]
        return [quotas.list_limits(session, row) | {"project_id": row.id, "tenant_id": row.id} for row in changed]

    return {"quotas": read(work)}


@resource.endpoint("GET", "/tenant", policy="get_quota:project")
def tenant() -> dict[str, Any]:
    """Which project the caller's quota is counted in."""
    return {"tenant": {"tenant_id": caller().project_id}}


@resource.endpoint("GET", "/project", policy="get_quota:project")
def own_project() -> dict[str, Any]:
    return {"project": {"project_id": caller().project_id}}


@resource.endpoint("GET", "/<project_id>", policy="get_quota", target=_target)
def show(project_id: str) -> dict[str, Any]:
    return {"quota": _limits(project_id)}


@resource.endpoint("GET", "/<project_id>/default", policy="get_quota", target=_target)
def default(project_id: str) -> dict[str, Any]:
    return {"quota": read(quotas.list_defaults)}


@resource.endpoint("GET", "/<project_id>/details.json", policy="get_quota", target=_target)
@resource.endpoint("GET", "/<project_id>/details", policy="get_quota", target=_target)
def details(project_id: str) -> dict[str, Any]:
    """`reserved` is always 0: nothing is promised beyond a transaction."""
    limits = _limits(project_id)
    used = read(lambda session: quotas.count_usage(session, project_id))
    return {"quota": {name: {"limit": limits[name], "used": used[name], "reserved": 0} for name in limits}}


@resource.endpoint("PUT", "/<project_id>", policy="update_quota", body=JSON_OBJECT)
def update(body: dict[str, Any], project_id: str) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)
    authorize("update_quota", _target(project_id))
    forced, _ = requested.pop("force", False), requested.pop("check_limit", True)

    def work(session: Session) -> dict[str, int]:
        project = quotas.lock_project(session, project_id)
        if not forced:
            _check_used(requested, quotas.count_usage(session, project_id))
        project.quotas = project.quotas | requested
        return quotas.list_limits(session, project)

    return {"quota": write(work)}


def _check_used(requested: dict[str, int], used: dict[str, int]) -> None:
    """No limit goes below what is used already, unless by force."""
    for name, limit in requested.items():
        if 0 <= limit < used[name]:
            raise HTTPBadRequest(
                why=f"Quota limit {limit} for {name} must be greater than or equal to already used {used[name]}"
            )


@resource.endpoint("DELETE", "/<project_id>", policy="delete_quota")
def delete(project_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        project = quotas.lock_project(session, project_id)
        if not project.quotas:
            raise TenantQuotaNotFound(tenant_id=project_id)
        project.quotas = {}

    write(work)
    return "", 204
