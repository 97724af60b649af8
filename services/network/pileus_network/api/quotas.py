"""/v2.0/quotas: limits of projects, and how much of them is used."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller
from pileus_network.api import converters
from pileus_network.api.attributes import JSON_OBJECT, Attribute, AttributeMap, authorize
from pileus_network.api.transactions import read, write
from pileus_network.core import quotas

resource = Resource("quotas", __name__, url_prefix="/v2.0/quotas")

LIMIT = converters.integer(-1, 2**31 - 1)
ATTRIBUTE_MAP = AttributeMap(
    "quota",
    "quotas",
    {name: Attribute(LIMIT, allow_post=False) for name in quotas.DEFAULTS}
    | {"check_limit": Attribute(converters.boolean), "force": Attribute(converters.boolean)},
    dict[str, int],
    dict[str, int],
)


def _target(project_id: str) -> dict[str, str]:
    return {"project_id": project_id, "tenant_id": project_id}


def _limits(project_id: str) -> dict[str, int]:
    return read(lambda session: quotas.find_limits(session, project_id))


@resource.endpoint("GET", "", policy="update_quota")
def index() -> Answer:
    """Projects whose limits differ from the defaults."""
    found = read(quotas.list_changed)
    return {"quotas": [limits | _target(project_id) for project_id, limits in found]}


@resource.endpoint("GET", "/tenant", policy="get_quota:project")
def tenant() -> Answer:
    """The project in which the caller's resources are counted."""
    return {"tenant": {"tenant_id": caller().project_id}}


@resource.endpoint("GET", "/project", policy="get_quota:project")
def own_project() -> Answer:
    return {"project": {"project_id": caller().project_id}}


@resource.endpoint("GET", "/<project_id>", policy="get_quota", target=_target)
def show(project_id: str) -> Answer:
    return {"quota": _limits(project_id)}


@resource.endpoint("GET", "/<project_id>/default", policy="get_quota", target=_target)
def default(project_id: str) -> Answer:
    return {"quota": read(quotas.list_defaults)}


@resource.endpoint("GET", "/<project_id>/details.json", policy="get_quota", target=_target)
@resource.endpoint("GET", "/<project_id>/details", policy="get_quota", target=_target)
def details(project_id: str) -> Answer:
    """`reserved` is always 0: quota is counted and used in the same transaction."""
    limits = _limits(project_id)
    used = read(lambda session: quotas.count_usage(session, project_id))
    return {"quota": {name: {"limit": limits[name], "used": used[name], "reserved": 0} for name in limits}}


@resource.endpoint("PUT", "/<project_id>", policy="update_quota", body=JSON_OBJECT)
def update(body: JsonObject, project_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)
    authorize("update_quota", _target(project_id))
    force = bool(requested.pop("force", False))
    requested.pop("check_limit", None)  # limits are checked without it, too
    return {"quota": write(lambda session: quotas.update(session, project_id, requested, force=force))}


@resource.endpoint("DELETE", "/<project_id>", policy="delete_quota")
def delete(project_id: str) -> Answer:
    write(lambda session: quotas.delete(session, project_id))
    return "", 204
