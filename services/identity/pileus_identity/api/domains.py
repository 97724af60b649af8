"""/v3/domains."""

from typing import Any

from pileus_identity.api import targets
from pileus_identity.api.views import (
    FLAG,
    ID,
    IMMUTABLE,
    SHORT_NAME,
    TAGS,
    TEXT,
    View,
    asked,
    link,
    listed,
    own_as,
    visible_domain,
    wrapped,
)
from pileus_identity.core import domains
from pileus_identity.db.models import Project
from pileus_kit.web import Resource, tools

resource = Resource("domains", __name__, url_prefix="/v3/domains")

PROPERTIES = {"name": SHORT_NAME, "description": TEXT, "enabled": FLAG, "tags": TAGS, "options": IMMUTABLE}


@resource.endpoint(
    "POST",
    "",
    policy="identity:create_domain",
    body=wrapped("domain", {**PROPERTIES, "explicit_domain_id": ID}, ["name"]),
)
def create(body: View) -> Any:
    with tools().change() as session:
        return {"domain": show(domains.create(session, body["domain"]))}, 201


@resource.endpoint("GET", "", policy="identity:list_domains", target=own_as("domain"))
def list_all() -> Any:
    stmt = domains.find(asked())
    if visible_domain() is not None:
        stmt = stmt.where(Project.id == visible_domain())
    return listed(stmt, Project, "domains", show)


@resource.endpoint("GET", "/<domain_id>", policy="identity:get_domain", target=targets.domain)
def show_one(domain_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"domain": show(domains.get(session, domain_id))}


@resource.endpoint(
    "PATCH",
    "/<domain_id>",
    policy="identity:update_domain",
    target=targets.existing_domain,
    body=wrapped("domain", PROPERTIES),
)
def update(domain_id: str, body: View) -> Any:
    with tools().change() as session:
        domain = domains.get(session, domain_id)
        domains.change(session, domain, body["domain"])
        return {"domain": show(domain)}


@resource.endpoint("DELETE", "/<domain_id>", policy="identity:delete_domain", target=targets.existing_domain)
def delete(domain_id: str) -> Any:
    with tools().change() as session:
        domains.remove(session, domains.get(session, domain_id))
    return "", 204


def show(domain: Project) -> View:
    return {
        **domain.extra,
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "options": domain.options,
        "tags": [tag.name for tag in domain.tags],
        "links": link("domains", domain.id),
    }
