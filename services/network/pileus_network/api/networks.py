"""/v2.0/networks"""

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from pileus_kit.web import tools
from pileus_network.api import converters
from pileus_network.api.attributes import (
    JSON_OBJECT,
    READ_ONLY,
    STANDARD_ATTRIBUTES,
    Attribute,
    AttributeMap,
    owner_target,
    viewer,
)
from pileus_network.api.listing import Listing, boolean_filter
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import networks, visibility
from pileus_network.db.models import Network, RbacPolicy, Subnet

resource = Resource("networks", __name__, get="get_network", url_prefix="/v2.0/networks")

AVAILABILITY_ZONE = "nova"
"""The one availability zone; its name is what OpenStack calls the first one."""
AVAILABILITY_ZONE_HINTS = Attribute(converters.list_of(converters.one_of(AVAILABILITY_ZONE)), [], allow_put=False)

ATTRIBUTE_MAP = AttributeMap(
    "network",
    "networks",
    STANDARD_ATTRIBUTES
    | {
        "name": Attribute(converters.text(), ""),
        "admin_state_up": Attribute(converters.boolean, True),
        "shared": Attribute(converters.boolean, False),
        "router:external": Attribute(converters.boolean, False),
        "is_default": Attribute(converters.boolean, False),
        "port_security_enabled": Attribute(converters.boolean, True),
        "mtu": Attribute(converters.integer(0, 65535), 0),
        "provider:network_type": Attribute(converters.nullable(converters.text(32)), None),
        "provider:physical_network": Attribute(converters.nullable(converters.text(64)), None),
        "provider:segmentation_id": Attribute(converters.nullable(converters.integer(0, 1 << 24)), None),
        "availability_zone_hints": AVAILABILITY_ZONE_HINTS,
        "subnets": READ_ONLY,
        "availability_zones": READ_ONLY,
        "ipv4_address_scope": READ_ONLY,
        "ipv6_address_scope": READ_ONLY,
    },
)


def list_shared_ids() -> Select[str]:
    """The ids of the networks that are shared with the caller's project."""
    return select(RbacPolicy.network_id).where(
        RbacPolicy.action == visibility.SHARED, RbacPolicy.target_project.in_(("*", viewer().project_id))
    )


def _zones(found: list[str]) -> ColumnElement[bool]:
    """A network is in the zone of its DHCP as soon as it has a subnet."""
    served = Network.id.in_(select(Subnet.network_id))
    return served if AVAILABILITY_ZONE in found else Network.id.is_(None)


def _status(found: list[str]) -> ColumnElement[bool]:
    """Networks are ACTIVE from the moment they exist: nothing has to be built before a host needs them."""
    return Network.id.is_not(None) if "ACTIVE" in found else Network.id.is_(None)


LISTING = Listing(
    ATTRIBUTE_MAP,
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
        "shared": boolean_filter("shared", lambda: Network.id.in_(list_shared_ids())),
        "status": _status,
        "subnets": lambda found: Network.id.in_(select(Subnet.network_id).where(Subnet.id.in_(found))),
        "availability_zones": _zones,
    },
    options=networks.LOADED,
)


def view(row: Network) -> dict[str, Any]:
    shown = show_standard_attributes(row) | {
        "name": row.name,
        "admin_state_up": row.admin_state_up,
        "status": "ACTIVE",
        "mtu": row.mtu,
        "tags": row.tags,
        "shared": networks.is_shared(row, viewer().project_id),
        "subnets": [subnet.id for subnet in row.subnets],
        "router:external": row.external,
        "port_security_enabled": row.port_security_enabled,
        "provider:network_type": row.network_type,
        "provider:physical_network": row.physical_network or None,
        "provider:segmentation_id": row.segmentation_id or None,
        "availability_zone_hints": [],
        "availability_zones": [AVAILABILITY_ZONE] if row.subnets else [],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
    }
    if row.external:
        shown["is_default"] = row.is_default
    return shown


def target(row: Network) -> dict[str, Any]:
    """The policy target of a network and of what is on it."""
    return owner_target(row) | network_target(row)


def network_target(network: Network) -> dict[str, Any]:
    """What a policy may want to know of the network that something is on."""
    return {
        "network:project_id": network.project_id,
        "network:tenant_id": network.project_id,
        "network:shared": networks.is_shared(network, viewer().project_id),
        "network:external": network.external,
    }


@resource.endpoint("GET", "", policy="get_network")
def index() -> dict[str, Any]:
    return LISTING.respond(visibility.networks(viewer()), view)


@resource.endpoint("POST", "", policy="create_network", body=JSON_OBJECT)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize(
            "create", {"project_id": requested["project_id"], "tenant_id": requested["project_id"]}, requested
        )
    views = write(lambda session: [view(row) for row in networks.create(session, tools().config, requests)])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<network_id>", policy="get_network")
def show(network_id: str) -> dict[str, Any]:
    return ATTRIBUTE_MAP.response(read(lambda session: view(networks.find(session, network_id, viewer()))))


@resource.endpoint("PUT", "/<network_id>", policy="update_network", body=JSON_OBJECT)
def update(body: dict[str, Any], network_id: str) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: Any) -> dict[str, Any]:
        row = networks.find(session, network_id, viewer())
        ATTRIBUTE_MAP.authorize("update", target(row), requested)
        check_revision(row)
        networks.update(session, tools().config, row, requested)
        session.flush()
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<network_id>", policy="delete_network")
def delete(network_id: str) -> tuple[str, int]:
    def work(session: Any) -> None:
        row = networks.find(session, network_id, viewer())
        ATTRIBUTE_MAP.authorize("delete", target(row))
        check_revision(row)
        networks.delete(session, row)

    write(work)
    return "", 204
