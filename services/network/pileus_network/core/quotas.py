"""Quotas of projects. A transaction that creates resources locks the project's row, so that counts and limits agree."""

import re
from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from pileus_network.db.models import (
    FloatingIp,
    Network,
    Port,
    Project,
    RbacPolicy,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    StandardAttributes,
    Subnet,
    SubnetPool,
)
from pileus_network.errors import HTTPBadRequest, OverQuota, TenantQuotaNotFound

MAX_PROJECTS = 1000
"""Projects that one list of quotas shows."""
DEFAULTS: dict[str, int] = {
    "network": 100,
    "subnet": 100,
    "subnetpool": -1,
    "port": 500,
    "router": 10,
    "floatingip": 50,
    "security_group": 10,
    "security_group_rule": 100,
    "rbac_policy": 10,
}
SESSION_KEY, LOCKED_KEY = "default_quotas", "locked_projects"
"""Where a session carries the limits that its process is configured with, and the projects that it has locked."""
Counted = StandardAttributes | RbacPolicy
COUNTED_MODELS: dict[str, type[Counted]] = {
    "network": Network,
    "subnet": Subnet,
    "subnetpool": SubnetPool,
    "port": Port,
    "router": Router,
    "floatingip": FloatingIp,
    "security_group": SecurityGroup,
    "security_group_rule": SecurityGroupRule,
    "rbac_policy": RbacPolicy,
}


def lock_project(session: Session, project_id: str) -> Project:
    """Return the project's row, created on first use. Other writers of the project wait until this transaction ends."""
    held: dict[str, Project] = session.info.setdefault(LOCKED_KEY, {})
    if project_id in held:
        return held[project_id]
    project = session.get(Project, project_id, with_for_update=True)
    if project is None:
        project = Project(id=project_id, quotas={})
        session.add(project)
        session.flush()
    held[project_id] = project
    return project


@lru_cache(maxsize=16)
def parse_configured(quotas: tuple[str, ...]) -> dict[str, int]:
    """Return the limits of projects that have none of their own: OpenStack's, with those that the operator
    configured.
    """
    found = dict(DEFAULTS)
    for text in quotas:
        name, _, limit = text.partition(":")
        if name not in DEFAULTS or not re.fullmatch("-1|[0-9]{1,9}", limit):
            raise ValueError(f"quotas: {text!r} is not resource:limit; resources are {', '.join(DEFAULTS)}")
        found[name] = int(limit)
    return found


def list_defaults(session: Session) -> dict[str, int]:
    """Return the limits of projects that have none of their own, as the session's process is configured."""
    found: dict[str, int] = session.info.get(SESSION_KEY, DEFAULTS)
    return found


def list_limits(session: Session, project: Project | None) -> dict[str, int]:
    """Return the limits of a project; None stands for a project that has no row."""
    return list_defaults(session) | (project.quotas if project else {})


def check(session: Session, project: Project, resource: str, number: int = 1) -> None:
    """Refuse if `number` more would exceed the project's limit. Nothing is reserved beyond this transaction."""
    limit = list_limits(session, project)[resource]
    if limit < 0:
        return
    used = session.scalar(select(func.count()).where(_in_project(resource, project.id))) or 0
    if used + number > limit:
        raise OverQuota(overs=[resource])


def count_usage(session: Session, project_id: str) -> dict[str, int]:
    """Return how many resources of each kind the project has, in one statement."""
    counts = [select(func.count()).where(_in_project(name, project_id)).scalar_subquery() for name in COUNTED_MODELS]
    row = session.execute(select(*counts)).one()
    return dict(zip(COUNTED_MODELS, row, strict=True))


def _in_project(resource: str, project_id: str) -> ColumnElement[bool]:
    return COUNTED_MODELS[resource].project_id == project_id


def list_changed(session: Session) -> list[tuple[str, dict[str, int]]]:
    """Return the ids and limits of the projects that have limits of their own, at most MAX_PROJECTS."""
    rows = session.scalars(select(Project).order_by(Project.id))
    return [(row.id, list_limits(session, row)) for row in rows if row.quotas][:MAX_PROJECTS]


def find_limits(session: Session, project_id: str) -> dict[str, int]:
    """Return the limits of the project with this id."""
    return list_limits(session, session.get(Project, project_id))


def update(session: Session, project_id: str, requested: Mapping[str, int], *, force: bool) -> dict[str, int]:
    """Set limits of a project and return all of its limits. Only `force` sets one below what is used already."""
    project = lock_project(session, project_id)
    used = {} if force else count_usage(session, project_id)
    for name, limit in requested.items():
        if 0 <= limit < used.get(name, 0):
            raise HTTPBadRequest(
                why=f"Quota limit {limit} for {name} must be greater than or equal to already used {used[name]}"
            )
    project.quotas = project.quotas | dict(requested)
    return list_limits(session, project)


def delete(session: Session, project_id: str) -> None:
    """Give a project the default limits again."""
    project = lock_project(session, project_id)
    if not project.quotas:
        raise TenantQuotaNotFound(tenant_id=project_id)
    project.quotas = {}
