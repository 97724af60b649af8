"""The service catalog as tokens show it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.db.models import Endpoint, EndpointGroup, ProjectEndpoint, ProjectEndpointGroup, Service
from pileus_kit.json_types import JsonObject

# $(project_id)s and %(project_id)s, tenant_id for the same, and user_id; anything else makes the endpoint unusable.
PLACEHOLDER = re.compile(r"[$%]\((\w+)\)s")
MAX_CACHED = 2000  # catalogs as JSON

EndpointFilter = dict[str, set[str]]  # project id -> ids of the endpoints that it sees, for projects with a filter


@dataclass(frozen=True)
class CatalogService:
    """A service that is enabled."""

    id: str
    type: str
    name: str


class Catalog:
    """All enabled services and endpoints with their URL templates; caches the JSON for each project."""

    def __init__(
        self, services: Sequence[CatalogService], endpoints: Sequence[Endpoint], visible: EndpointFilter
    ) -> None:
        self._visible = visible
        self._services = services
        self._endpoints: dict[str, list[Endpoint]] = {}
        for endpoint in endpoints:
            self._endpoints.setdefault(endpoint.service_id, []).append(endpoint)
        self._differs_by_user = any("user_id)" in endpoint.url for endpoint in endpoints)
        self._json: dict[tuple[str | None, str | None], bytes] = {}

    def json(self, project_id: str | None, user_id: str) -> bytes:
        """The catalog of a project (None: of another scope) and user as JSON."""
        key = (project_id, user_id if self._differs_by_user else None)
        cached = self._json.get(key)
        if cached is None:
            if len(self._json) >= MAX_CACHED:
                self._json.clear()
            cached = json.dumps(self.view(project_id, user_id), separators=(",", ":")).encode()
            self._json[key] = cached
        return cached

    def view(self, project_id: str | None, user_id: str) -> list[JsonObject]:
        """The catalog of a project (None: of another scope) and user."""
        values = {"user_id": user_id}
        if project_id is not None:
            values |= {"project_id": project_id, "tenant_id": project_id}
        visible = self._visible.get(project_id) if project_id is not None else None
        return [
            {
                "id": service.id,
                "type": service.type,
                "name": service.name,
                "endpoints": [
                    view
                    for endpoint in self._endpoints.get(service.id, ())
                    if (visible is None or endpoint.id in visible)
                    and (view := _endpoint_view(endpoint, values)) is not None
                ],
            }
            for service in self._services
        ]


def _endpoint_view(endpoint: Endpoint, values: dict[str, str]) -> JsonObject | None:
    """None if the URL needs a project and the token has none."""
    if any(name not in values for name in PLACEHOLDER.findall(endpoint.url)):
        return None
    return {
        "id": endpoint.id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": PLACEHOLDER.sub(lambda match: values[match[1]], endpoint.url),
    }


def load_catalog(session: Session) -> Catalog:
    """Read the catalog of the whole cloud."""
    services = session.execute(
        select(Service.id, Service.type, Service.name).where(Service.enabled).order_by(Service.type, Service.id)
    ).all()
    endpoints = session.scalars(select(Endpoint).where(Endpoint.enabled).order_by(Endpoint.id)).all()
    return Catalog(
        [CatalogService(row.id, row.type, row.name) for row in services],
        endpoints,
        _load_endpoint_filter(session, endpoints),
    )


def _load_endpoint_filter(session: Session, endpoints: Sequence[Endpoint]) -> EndpointFilter:
    visible: EndpointFilter = {}
    for project_id, endpoint_id in session.execute(select(ProjectEndpoint.project_id, ProjectEndpoint.endpoint_id)):
        visible.setdefault(project_id, set()).add(endpoint_id)
    pairs = session.execute(
        select(ProjectEndpointGroup.project_id, EndpointGroup).join(
            EndpointGroup, EndpointGroup.id == ProjectEndpointGroup.group_id
        )
    )
    for project_id, group in pairs:
        visible.setdefault(project_id, set()).update(e.id for e in endpoints if is_in_group(e, group))
    return visible


def is_in_group(endpoint: Endpoint, group: EndpointGroup) -> bool:
    """Whether an endpoint matches all filters of an endpoint group."""
    return all(getattr(endpoint, name) == value for name, value in group.filters.items())
