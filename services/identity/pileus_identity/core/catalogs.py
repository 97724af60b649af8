"""The catalogue as a token shows it."""

import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.db.models import Endpoint, EndpointGroup, ProjectEndpoint, ProjectEndpointGroup, Service

# $(project_id)s and %(project_id)s, tenant_id for the same, and user_id; anything else makes the endpoint unusable.
PLACEHOLDER = re.compile(r"[$%]\((\w+)\)s")
REMEMBERED = 2000

View = list[dict[str, Any]]
Chosen = dict[str, set[str]]  # project id -> ids of the endpoints that it sees, for projects that don't see all


class Catalog:
    """All enabled services and endpoints, with their URLs still to fill in; keeps the JSON for each project."""

    def __init__(self, services: list[tuple[str, str, str]], endpoints: list[Endpoint], chosen: Chosen) -> None:
        self._chosen = chosen
        self._services = services
        self._endpoints: dict[str, list[Endpoint]] = {}
        for endpoint in endpoints:
            self._endpoints.setdefault(endpoint.service_id, []).append(endpoint)
        self._per_user = any("user_id)" in endpoint.url for endpoint in endpoints)
        self._ready: dict[tuple[str | None, str | None], bytes] = {}

    def json(self, project_id: str | None, user_id: str) -> bytes:
        key = (project_id, user_id if self._per_user else None)
        ready = self._ready.get(key)
        if ready is None:
            if len(self._ready) >= REMEMBERED:
                self._ready.clear()
            ready = json.dumps(self.view(project_id, user_id), separators=(",", ":")).encode()
            self._ready[key] = ready
        return ready

    def view(self, project_id: str | None, user_id: str) -> View:
        facts = {"user_id": user_id}
        if project_id is not None:
            facts |= {"project_id": project_id, "tenant_id": project_id}
        only = self._chosen.get(project_id) if project_id is not None else None
        return [
            {
                "id": id,
                "type": type,
                "name": name,
                "endpoints": [
                    view
                    for e in self._endpoints.get(id, ())
                    if (only is None or e.id in only) and (view := _endpoint(e, facts)) is not None
                ],
            }
            for id, type, name in self._services
        ]


def _endpoint(endpoint: Endpoint, facts: dict[str, str]) -> dict[str, Any] | None:
    """None where a URL needs a project and the token has none."""
    if any(name not in facts for name in PLACEHOLDER.findall(endpoint.url)):
        return None
    url = PLACEHOLDER.sub(lambda match: facts[match[1]], endpoint.url)
    return {
        "id": endpoint.id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": url,
    }


def load(session: Session) -> Catalog:
    services = session.execute(
        select(Service.id, Service.type, Service.name).where(Service.enabled).order_by(Service.type, Service.id)
    ).all()
    endpoints = session.scalars(select(Endpoint).where(Endpoint.enabled).order_by(Endpoint.id)).all()
    return Catalog([(s.id, s.type, s.name) for s in services], list(endpoints), _chosen(session, endpoints))


def _chosen(session: Session, endpoints: Sequence[Endpoint]) -> Chosen:
    """Which projects see only some endpoints, by name or by group."""
    chosen: dict[str, set[str]] = {}
    for project_id, endpoint_id in session.execute(select(ProjectEndpoint.project_id, ProjectEndpoint.endpoint_id)):
        chosen.setdefault(project_id, set()).add(endpoint_id)
    pairs = session.execute(
        select(ProjectEndpointGroup.project_id, EndpointGroup).join(
            EndpointGroup, EndpointGroup.id == ProjectEndpointGroup.group_id
        )
    )
    for project_id, group in pairs:
        chosen.setdefault(project_id, set()).update(e.id for e in endpoints if in_group(e, group))
    return chosen


def in_group(endpoint: Endpoint, group: EndpointGroup) -> bool:
    return all(getattr(endpoint, name) == value for name, value in group.filters.items())
