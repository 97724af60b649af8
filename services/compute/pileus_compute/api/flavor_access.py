"""Which projects may use a flavor that is not public."""

from typing import Any

from pileus_compute.api.schemas import action, obj
from pileus_compute.core import flavors
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.web import Resource, enforce, tools

resource = Resource("flavor_access", __name__, url_prefix="/v2.1/flavors/<flavor_id>")

TENANT = obj({"tenant": {"type": "string", "minLength": 1, "maxLength": 255}}, ("tenant",))
ACTION = {(2, 1): {"oneOf": [action("addTenantAccess", TENANT), action("removeTenantAccess", TENANT)]}}


def _view(flavor_id: str, projects: list[str]) -> dict[str, Any]:
    return {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": p} for p in projects]}


@resource.endpoint("GET", "/os-flavor-access", policy="os_compute_api:os-flavor-access")
def index(flavor_id: str) -> Any:
    with tools().sessions.read() as session:
        if flavors.find(session, flavor_id, everything=True).is_public:
            raise NotFound(why="Access list not available for public flavors.")
        return _view(flavor_id, flavors.granted(session, flavor_id))


@resource.endpoint("POST", "/action", policy="os_compute_api:os-flavor-access", body=ACTION)
def act(flavor_id: str, body: dict[str, Any]) -> Any:
    ((name, wish),) = body.items()
    add = name == "addTenantAccess"
    enforce(f"os_compute_api:os-flavor-access:{'add' if add else 'remove'}_tenant_access")
    _check_project(wish["tenant"])
    with tools().sessions.begin() as session:
        return _view(flavor_id, (flavors.grant if add else flavors.revoke)(session, flavor_id, wish["tenant"]))


def _check_project(project_id: str) -> None:
    if "/" in project_id or "?" in project_id:
        raise BadRequest(why=f"Project ID {project_id} is not a valid project.")
