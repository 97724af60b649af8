"""/v2.0/quotas: limits of projects, and how much of them is used."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_kit.web import Resource, caller
from pileus_network.api import values
from pileus_network.api.attributes import ANY, Attr, Shape, permit
from pileus_network.api.transactions import change, read
from pileus_network.core import projects
from pileus_network.db.models import Project
from pileus_network.errors import HTTPBadRequest, TenantQuotaNotFound

resource = Resource("quotas", __name__, url_prefix="/v2.0/quotas")

MOST = 1000
LIMIT = values.integer(-1, 2**31 - 1)
SHAPE = Shape(
    "quota",
    "quotas",
    {name: Attr(LIMIT) for name in projects.DEFAULTS}
    | {"check_limit": Attr(values.boolean), "force": Attr(values.boolean)},
)


def _target(project_id: str) -> dict[str, str]:
    return {"project_id": project_id, "tenant_id": project_id}


def _limits(project_id: str) -> dict[str, int]:
    return read(lambda session: projects.limits(session, session.get(Project, project_id)))


@resource.endpoint("GET", "", policy="update_quota")
def index() -> dict[str, Any]:
    """Projects whose limits differ from the defaults."""

    def work(session: Session) -> list[dict[str, Any]]:
        rows = session.scalars(select(Project).order_by(Project.id))
        changed = [row for row in rows if row.quotas][:MOST]
        return [projects.limits(session, row) | {"project_id": row.id, "tenant_id": row.id} for row in changed]

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
    return {"quota": read(projects.defaults)}


@resource.endpoint("GET", "/<project_id>/details.json", policy="get_quota", target=_target)
@resource.endpoint("GET", "/<project_id>/details", policy="get_quota", target=_target)
def details(project_id: str) -> dict[str, Any]:
    """`reserved` is always 0: nothing is promised beyond a transaction."""
    limits = _limits(project_id)
    used = read(lambda session: projects.usage(session, project_id))
    return {"quota": {name: {"limit": limits[name], "used": used[name], "reserved": 0} for name in limits}}


@resource.endpoint("PUT", "/<project_id>", policy="update_quota", body=ANY)
def update(body: dict[str, Any], project_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)
    permit("update_quota", _target(project_id))
    forced, _ = wish.pop("force", False), wish.pop("check_limit", True)

    def work(session: Session) -> dict[str, int]:
        project = projects.locked(session, project_id)
        if not forced:
            _check_used(wish, projects.usage(session, project_id))
        project.quotas = project.quotas | wish
        return projects.limits(session, project)

    return {"quota": change(work)}


def _check_used(wish: dict[str, int], used: dict[str, int]) -> None:
    """No limit goes below what is used already, unless by force."""
    for name, limit in wish.items():
        if 0 <= limit < used[name]:
            raise HTTPBadRequest(
                why=f"Quota limit {limit} for {name} must be greater than or equal to already used {used[name]}"
            )


@resource.endpoint("DELETE", "/<project_id>", policy="delete_quota")
def delete(project_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        project = projects.locked(session, project_id)
        if not project.quotas:
            raise TenantQuotaNotFound(tenant_id=project_id)
        project.quotas = {}

    change(work)
    return "", 204
