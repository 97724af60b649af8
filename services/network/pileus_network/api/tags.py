"""/v2.0/{networks,subnets,ports,subnetpools,routers,floatingips,security-groups}/{id}/tags"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

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
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import Network
from pileus_network.errors import HTTPBadRequest, TagNotFound

MAX_TAGS = 50
"""Tags of one thing; OpenStack's limit."""
TAGS = converters.list_of(converters.tag, most=MAX_TAGS, unique=False)


@dataclass(frozen=True)
class TaggedResource:
    """A noun with tags: its path, its name in policy rules, and how it is found."""

    path: str
    name: str
    get: Callable[[Session, str, Viewer], Any]


TAGGED_RESOURCES = (
    TaggedResource("networks", "network", networks.find),
    TaggedResource("subnets", "subnet", subnets.find),
    TaggedResource("ports", "port", ports.find),
    TaggedResource("subnetpools", "subnetpool", subnetpools.find),
    TaggedResource("routers", "router", routers.find),
    TaggedResource("floatingips", "floatingip", floatingips.find),
    TaggedResource("security-groups", "security_group", security_groups.find),
)


def _parse_tags(body: dict[str, Any]) -> list[str]:
    if set(body) != {"tags"}:
        raise HTTPBadRequest(why="Invalid tags body")
    return _convert_tags(body["tags"])


def _convert_tags(given: Any) -> list[str]:
    try:
        found: list[str] = TAGS(given)
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for tags. Reason: {err}.") from None
    return found


class TagEditor:
    """The tags of one kind of noun."""

    def __init__(self, tagged: TaggedResource) -> None:
        self._tagged = tagged

    def show(self, noun_id: str) -> list[str]:
        return read(lambda session: list(self._find(session, noun_id, "get").tags))

    def edit(self, noun_id: str, action: str, how: Callable[[list[str]], list[str]]) -> list[str]:
        """Replace the tags by what `how` makes of them."""

        def work(session: Session) -> list[str]:
            row = self._find(session, noun_id, action)
            wanted = sorted(set(how(list(row.tags))))
            if len(wanted) > MAX_TAGS:
                raise HTTPBadRequest(why=f"The number of tags exceeds the limit of {MAX_TAGS}")
            if wanted != row.tags:
                row.tags = wanted
                standard_attributes.bump_revision(row)
            return wanted

        return write(work)

    def _find(self, session: Session, noun_id: str, action: str) -> Any:
        """What is within the caller's reach may be read; it is their own, or shared with them."""
        row = self._tagged.get(session, noun_id, viewer())
        target = most_permissive_target() if action == "get" else owner_target(row) | _network_target(session, row)
        authorize(f"{action}_{self._tagged.name}:tags", target)
        return row


def _network_target(session: Session, row: Any) -> dict[str, Any]:
    """Who owns the network that a port or subnet is on may have a say in it."""
    network = session.get(Network, getattr(row, "network_id", ""))
    return {"network:project_id": network.project_id} if network else {}


def _without(tag: str) -> Callable[[list[str]], list[str]]:
    def how(tags: list[str]) -> list[str]:
        if tag not in tags:
            raise TagNotFound(tag=tag)
        return [other for other in tags if other != tag]

    return how


def _build_resource(tagged: TaggedResource) -> Resource:
    resource = Resource(
        f"{tagged.name}_tags",
        __name__,
        get=f"get_{tagged.name}",
        url_prefix=f"/v2.0/{tagged.path}/<noun_id>/tags",
    )
    editor, name = TagEditor(tagged), tagged.name

    @resource.endpoint("GET", "", policy=f"get_{name}:tags")
    def index(noun_id: str) -> dict[str, Any]:
        return {"tags": editor.show(noun_id)}

    @resource.endpoint("PUT", "", policy=f"update_{name}:tags", body=JSON_OBJECT)
    def replace(body: dict[str, Any], noun_id: str) -> dict[str, Any]:
        wanted = _parse_tags(body)
        return {"tags": editor.edit(noun_id, "update", lambda tags: wanted)}

    @resource.endpoint("POST", "", policy=f"create_{name}:tags", body=JSON_OBJECT)
    def add_many(body: dict[str, Any], noun_id: str) -> dict[str, Any]:
        wanted = _parse_tags(body)
        return {"tags": editor.edit(noun_id, "create", lambda tags: tags + wanted)}

    @resource.endpoint("DELETE", "", policy=f"delete_{name}:tags")
    def clear(noun_id: str) -> tuple[str, int]:
        editor.edit(noun_id, "delete", lambda tags: [])
        return "", 204

    @resource.endpoint("GET", "/<tag>", policy=f"get_{name}:tags")
    def has(noun_id: str, tag: str) -> tuple[str, int]:
        if tag not in editor.show(noun_id):
            raise TagNotFound(tag=tag)
        return "", 204

    @resource.endpoint("PUT", "/<tag>", policy=f"create_{name}:tags")
    def add(noun_id: str, tag: str) -> tuple[str, int]:
        wanted = _convert_tags([tag])
        editor.edit(noun_id, "create", lambda tags: tags + wanted)
        return "", 201

    @resource.endpoint("DELETE", "/<tag>", policy=f"delete_{name}:tags")
    def remove(noun_id: str, tag: str) -> tuple[str, int]:
        editor.edit(noun_id, "delete", _without(tag))
        return "", 204

    return resource


RESOURCES = tuple(_build_resource(tagged) for tagged in TAGGED_RESOURCES)
