"""/v3/domains."""

from pileus_identity.api import policy_targets
from pileus_identity.api.domain_scope import own_domain_target, visible_domain_id
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import FLAG, ID, IMMUTABLE, SHORT_NAME, TAGS, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import domains
from pileus_identity.db.models import Project
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("domains", __name__, url_prefix="/v3/domains")

PROPERTIES = {"name": SHORT_NAME, "description": TEXT, "enabled": FLAG, "tags": TAGS, "options": IMMUTABLE}
CREATE = wrapped("domain", {**PROPERTIES, "explicit_domain_id": ID}, ["name"])
UPDATE = wrapped("domain", PROPERTIES)


@resource.endpoint("POST", "", policy="identity:create_domain", body=CREATE)
def create(body: JsonObject) -> Answer:
    with tools().change() as session:
        return {"domain": domain_view(domains.create(session, body["domain"]))}, 201


@resource.endpoint("GET", "", policy="identity:list_domains", target=own_domain_target("domain"))
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("domains", domains.list_page(session, list_query(), visible_domain_id()), domain_view)


@resource.endpoint("GET", "/<domain_id>", policy="identity:get_domain", target=policy_targets.domain)
def show(domain_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"domain": domain_view(domains.find(session, domain_id))}


@resource.endpoint(
    "PATCH", "/<domain_id>", policy="identity:update_domain", target=policy_targets.existing_domain, body=UPDATE
)
def update(domain_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        domain = domains.find(session, domain_id)
        domains.update(session, domain, body["domain"])
        return {"domain": domain_view(domain)}


@resource.endpoint("DELETE", "/<domain_id>", policy="identity:delete_domain", target=policy_targets.existing_domain)
def delete(domain_id: str) -> Answer:
    with tools().change() as session:
        domains.delete(session, domains.find(session, domain_id))
    return "", 204


def domain_view(domain: Project) -> JsonObject:
    """A domain as the API shows it."""
    return {
        **domain.extra,
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "options": domain.options,
        "tags": [tag.name for tag in domain.tags],
        "links": self_link("domains", domain.id),
    }
