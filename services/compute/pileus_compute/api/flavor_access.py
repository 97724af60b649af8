"""`/flavors/ID/os-flavor-access`: the projects that may use a flavor which is not public."""

from pileus_compute.api.schemas.types import action, obj
from pileus_compute.api.tools import tools
from pileus_compute.core import flavors
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, enforce

resource = Resource("flavor_access", __name__, url_prefix="/v2.1/flavors/<flavor_id>")
RULE = "os_compute_api:os-flavor-access"

TENANT = obj({"tenant": {"type": "string", "minLength": 1, "maxLength": 255}}, ("tenant",))
ACTION = {(2, 1): {"oneOf": [action("addTenantAccess", TENANT), action("removeTenantAccess", TENANT)]}}


def access_view(flavor_id: str, projects: list[str]) -> JsonObject:
    return {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": p} for p in projects]}


@resource.endpoint("GET", "/os-flavor-access", policy=RULE)
def index(flavor_id: str) -> Answer:
    with tools().sessions.read() as session:
        if flavors.find(session, flavor_id, see_all=True).is_public:
            raise NotFound(why="Access list not available for public flavors.")
        return access_view(flavor_id, flavors.list_access(session, flavor_id))


@resource.endpoint("POST", "/action", policy=RULE, body=ACTION)
def act(flavor_id: str, body: JsonObject) -> Answer:
    ((name, value),) = body.items()
    add = name == "addTenantAccess"
    enforce(f"{RULE}:{'add' if add else 'remove'}_tenant_access")
    project_id = value["tenant"]
    if "/" in project_id or "?" in project_id:
        raise BadRequest(why=f"Project ID {project_id} is not a valid project.")
    with tools().sessions.begin() as session:
        projects = (flavors.add_access if add else flavors.remove_access)(session, flavor_id, project_id)
        return access_view(flavor_id, projects)
