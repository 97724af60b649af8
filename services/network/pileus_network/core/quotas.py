"""What network keeps about a project. Whoever creates something locks its row, so that counts and limits agree."""

import re
from functools import lru_cache
from typing import Any

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
    Subnet,
    SubnetPool,
)
from pileus_network.errors import OverQuota

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
KEY = "default_quotas"
"""Where a session carries the defaults that its process is configured with."""
COUNTED_MODELS: dict[str, Any] = {
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
    """The project's row, made on first use. Other writers of the project wait until this transaction ends."""
    held: dict[str, Project] = session.info.setdefault("projects", {})
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
    """The limits of projects that have none of their own: OpenStack's, but for what the operator set."""
    found = dict(DEFAULTS)
    for text in quotas:
        name, _, limit = text.partition(":")
        if name not in DEFAULTS or not re.fullmatch("-1|[0-9]{1,9}", limit):
            raise ValueError(f"quotas: {text!r} is not resource:limit; resources are {', '.join(DEFAULTS)}")
        found[name] = int(limit)
    return found


def list_defaults(session: Session) -> dict[str, int]:
    found: dict[str, int] = session.info.get(KEY, DEFAULTS)
    return found


def list_limits(session: Session, project: Project | None) -> dict[str, int]:
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
    """How many of everything the project has, in one statement."""
    counts = [select(func.count()).where(_in_project(name, project_id)).scalar_subquery() for name in COUNTED_MODELS]
    row = session.execute(select(*counts)).one()
    return dict(zip(COUNTED_MODELS, row, strict=True))


def _in_project(resource: str, project_id: str) -> ColumnElement[bool]:
    return COUNTED_MODELS[resource].project_id == project_id
