"""/v2.0/networks"""

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from pileus_kit.web import tools
from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, STANDARD, Attr, Shape, owned, scope
from pileus_network.api.listing import Listing, flag
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import change, read
from pileus_network.api.views import check_revision, standard
from pileus_network.core import networks, scopes
from pileus_network.db.models import Network, Share, Subnet

resource = Resource("networks", __name__, get="get_network", url_prefix="/v2.0/networks")

ZONE = "nova"
"""The one availability zone; its name is what OpenStack calls the first one."""
ZONE_HINTS = Attr(values.items(values.one_of(ZONE)), [], put=False)

SHAPE = Shape(
    "network",
    "networks",
    STANDARD
    | {
        "name": Attr(values.text(), ""),
        "admin_state_up": Attr(values.boolean, True),
        "shared": Attr(values.boolean, False),
        "router:external": Attr(values.boolean, False),
        "is_default": Attr(values.boolean, False),
        "port_security_enabled": Attr(values.boolean, True),
        "mtu": Attr(values.integer(0, 65535), 0),
        "provider:network_type": Attr(values.nullable(values.text(32)), None),
        "provider:physical_network": Attr(values.nullable(values.text(64)), None),
        "provider:segmentation_id": Attr(values.nullable(values.integer(0, 1 << 24)), None),
        "availability_zone_hints": ZONE_HINTS,
        "subnets": READ_ONLY,
        "availability_zones": READ_ONLY,
        "ipv4_address_scope": READ_ONLY,
        "ipv6_address_scope": READ_ONLY,
    },
)


def shared_ones() -> Select[str]:
    """The ids of the networks that are shared with the caller's project."""
    return select(Share.network_id).where(
        Share.action == scopes.SHARED, Share.target_project.in_(("*", scope().project_id))
    )


def _zones(found: list[str]) -> ColumnElement[bool]:
    """A network is in the zone of its DHCP as soon as it has a subnet."""
    served = Network.id.in_(select(Subnet.network_id))
    return served if ZONE in found else Network.id.is_(None)


def _status(found: list[str]) -> ColumnElement[bool]:
    """Networks are ACTIVE from the moment they exist: nothing has to be built before a host needs them."""
    return Network.id.is_not(None) if "ACTIVE" in found else Network.id.is_(None)


LISTING = Listing(
    SHAPE,
    Network,
    columns={
        "id": Network.id,
        "name": Network.name,
        "description": Network.description,
        "admin_state_up": Network.admin_state_up,
        "project_id": Network.project_id,
        "tenant_id": Network.project_id,
        "router:external": Network.external,
        "mtu": Network.mtu,
        "is_default": Network.is_default,
        "port_security_enabled": Network.port_security_enabled,
        "provider:network_type": Network.network_type,
        "provider:physical_network": Network.physical_network,
        "provider:segmentation_id": Network.segmentation_id,
        "revision_number": Network.revision_number,
        "created_at": Network.created_at,
        "updated_at": Network.updated_at,
    },
    clauses={
        "shared": flag("shared", lambda: Network.id.in_(shared_ones())),
        "status": _status,
        "subnets": lambda found: Network.id.in_(select(Subnet.network_id).where(Subnet.id.in_(found))),
        "availability_zones": _zones,
    },
    options=networks.LOADED,
)


def view(row: Network) -> dict[str, Any]:
    shown = standard(row) | {
        "name": row.name,
        "admin_state_up": row.admin_state_up,
        "status": "ACTIVE",
        "mtu": row.mtu,
        "tags": row.tags,
        "shared": networks.is_shared(row, scope().project_id),
        "subnets": [subnet.id for subnet in row.subnets],
        "router:external": row.external,
        "port_security_enabled": row.port_security_enabled,
        "provider:network_type": row.network_type,
        "provider:physical_network": row.physical_network or None,
        "provider:segmentation_id": row.segmentation_id or None,
        "availability_zone_hints": [],
        "availability_zones": [ZONE] if row.subnets else [],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
    }
    if row.external:
        shown["is_default"] = row.is_default
    return shown


def target(row: Network) -> dict[str, Any]:
    """The policy target of a network and of what is on it."""
    return owned(row) | of(row)


def of(network: Network) -> dict[str, Any]:
    """What a policy may want to know of the network that something is on."""
    return {
        "network:project_id": network.project_id,
        "network:tenant_id": network.project_id,
        "network:shared": networks.is_shared(network, scope().project_id),
        "network:external": network.external,
    }


@resource.endpoint("GET", "", policy="get_network")
def index() -> dict[str, Any]:
    return LISTING.answer(scopes.networks(scope()), view)


@resource.endpoint("POST", "", policy="create_network", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    for wish in wishes:
        SHAPE.permit("create", {"project_id": wish["project_id"], "tenant_id": wish["project_id"]}, wish)
    views = change(lambda session: [view(row) for row in networks.create(session, tools().config, wishes)])
    return SHAPE.reply(body, views), 201


@resource.endpoint("GET", "/<network_id>", policy="get_network")
def show(network_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(networks.get(session, network_id, scope()))))


@resource.endpoint("PUT", "/<network_id>", policy="update_network", body=ANY)
def update(body: dict[str, Any], network_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Any) -> dict[str, Any]:
        row = networks.get(session, network_id, scope())
        SHAPE.permit("update", target(row), wish)
        check_revision(row)
        networks.update(session, tools().config, row, wish)
        session.flush()
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<network_id>", policy="delete_network")
def delete(network_id: str) -> tuple[str, int]:
    def work(session: Any) -> None:
        row = networks.get(session, network_id, scope())
        SHAPE.permit("delete", target(row))
        check_revision(row)
        networks.delete(session, row)

    change(work)
    return "", 204
