"""/v2.0/{networks,subnets,ports,subnetpools,routers,floatingips,security-groups}/{id}/tags"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_network.api import converters
from pileus_network.api.attributes import JSON_OBJECT, authorize, owner_target, viewer
from pileus_network.api.resources import Resource, most_permissive_target
from pileus_network.api.transactions import read, write
from pileus_network.core import (
    floatingips,
    networks,
    ports,
    routers,
    security_groups,
    standard_attributes,
    subnetpools,
    subnets,
)
from pileus_network.core.visibility import ELEVATED, Viewer
from pileus_network.db.models import FloatingIp, Network, Port, Router, SecurityGroup, Subnet, SubnetPool
from pileus_network.errors import HTTPBadRequest, TagNotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Tagged = Network | Subnet | Port | SubnetPool | Router | FloatingIp | SecurityGroup
MAX_TAGS = 50
"""Tags of one resource; OpenStack's limit."""
TAGS = converters.list_of(converters.tag, maximum=MAX_TAGS, unique=False)


@dataclass(frozen=True)
class TaggedResource:
    """A kind of resource with tags: its path, its name in policy rules, and the core function that finds it."""

    path: str
    name: str
    find: "Callable[[Session, str, Viewer], Tagged]"


TAGGED_RESOURCES = (
    TaggedResource("networks", "network", networks.find),
    TaggedResource("subnets", "subnet", subnets.find),
    TaggedResource("ports", "port", ports.find),
    TaggedResource("subnetpools", "subnetpool", subnetpools.find),
    TaggedResource("routers", "router", routers.find),
    TaggedResource("floatingips", "floatingip", floatingips.find),
    TaggedResource("security-groups", "security_group", security_groups.find),
)


def _parse_tags(body: JsonObject) -> list[str]:
    if set(body) != {"tags"}:
        raise HTTPBadRequest(why="Invalid tags body")
    return _convert_tags(body["tags"])


def _convert_tags(given: object) -> list[str]:
    try:
        found: list[str] = TAGS(given)
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for tags. Reason: {err}.") from None
    return found


class TagEditor:
    """Reads and changes the tags of one kind of resource."""

    def __init__(self, tagged: TaggedResource) -> None:
        self._tagged = tagged

    def show(self, resource_id: str) -> list[str]:
        return read(lambda session: list(self._find(session, resource_id, "get").tags))

    def edit(self, resource_id: str, action: str, change: Callable[[list[str]], list[str]]) -> list[str]:
        """Replace the tags by what `change` makes of them, and return them."""

        def work(session: "Session") -> list[str]:
            row = self._find(session, resource_id, action)
            wanted = sorted(set(change(list(row.tags))))
            if len(wanted) > MAX_TAGS:
                raise HTTPBadRequest(why=f"The number of tags exceeds the limit of {MAX_TAGS}")
            if wanted != row.tags:
                row.tags = wanted
                standard_attributes.bump_revision(row)
            return wanted

        return write(work)

    def _find(self, session: "Session", resource_id: str, action: str) -> Tagged:
        """Callers who see a resource may read its tags; to change them, its owner's rights are needed."""
        row = self._tagged.find(session, resource_id, viewer())
        target = most_permissive_target() if action == "get" else owner_target(row) | _network_target(session, row)
        authorize(f"{action}_{self._tagged.name}:tags", target)
        return row


def _network_target(session: "Session", row: Tagged) -> dict[str, object]:
    """The owner of the network that a port or subnet is on may be allowed to change its tags."""
    network_id = getattr(row, "network_id", None)
    return (
        {"network:project_id": networks.find(session, network_id, ELEVATED, loaded=False).project_id}
        if network_id
        else {}
    )


def _without(tag: str) -> Callable[[list[str]], list[str]]:
    def change(tags: list[str]) -> list[str]:
        if tag not in tags:
            raise TagNotFound(tag=tag)
        return [other for other in tags if other != tag]

    return change


def _build_resource(tagged: TaggedResource) -> Resource:
    resource = Resource(
        f"{tagged.name}_tags",
        __name__,
        get=f"get_{tagged.name}",
        url_prefix=f"/v2.0/{tagged.path}/<resource_id>/tags",
    )
    editor, name = TagEditor(tagged), tagged.name

    @resource.endpoint("GET", "", policy=f"get_{name}:tags")
    def index(resource_id: str) -> Answer:
        return {"tags": editor.show(resource_id)}

    @resource.endpoint("PUT", "", policy=f"update_{name}:tags", body=JSON_OBJECT)
    def update(body: JsonObject, resource_id: str) -> Answer:
        wanted = _parse_tags(body)
        return {"tags": editor.edit(resource_id, "update", lambda tags: wanted)}

    @resource.endpoint("POST", "", policy=f"create_{name}:tags", body=JSON_OBJECT)
    def create(body: JsonObject, resource_id: str) -> Answer:
        wanted = _parse_tags(body)
        return {"tags": editor.edit(resource_id, "create", lambda tags: tags + wanted)}

    @resource.endpoint("DELETE", "", policy=f"delete_{name}:tags")
    def delete_all(resource_id: str) -> Answer:
        editor.edit(resource_id, "delete", lambda tags: [])
        return "", 204

    @resource.endpoint("GET", "/<tag>", policy=f"get_{name}:tags")
    def show(resource_id: str, tag: str) -> Answer:
        if tag not in editor.show(resource_id):
            raise TagNotFound(tag=tag)
        return "", 204

    @resource.endpoint("PUT", "/<tag>", policy=f"create_{name}:tags")
    def add(resource_id: str, tag: str) -> Answer:
        wanted = _convert_tags([tag])
        editor.edit(resource_id, "create", lambda tags: tags + wanted)
        return "", 201

    @resource.endpoint("DELETE", "/<tag>", policy=f"delete_{name}:tags")
    def delete(resource_id: str, tag: str) -> Answer:
        editor.edit(resource_id, "delete", _without(tag))
        return "", 204

    return resource


RESOURCES = tuple(_build_resource(tagged) for tagged in TAGGED_RESOURCES)
