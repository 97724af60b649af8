"""/v2.0/networks"""

from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
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
from pileus_network.api.availability_zones import AVAILABILITY_ZONE_HINTS
from pileus_network.api.listing import respond
from pileus_network.api.resources import Resource
from pileus_network.api.tools import tools
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import networks
from pileus_network.core.networks import AVAILABILITY_ZONE, NetworkUpdate, NewNetwork
from pileus_network.db.models import Network

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("networks", __name__, get="get_network", url_prefix="/v2.0/networks")


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
    NewNetwork,
    NetworkUpdate,
)


def view(row: Network) -> JsonObject:
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


def target(row: Network) -> dict[str, object]:
    """The policy target of a network and of what is on it."""
    return owner_target(row) | network_target(row)


def network_target(network: Network) -> dict[str, object]:
    """Return the policy target of what is on a network: its owner, and whether it is shared or external."""
    return {
        "network:project_id": network.project_id,
        "network:tenant_id": network.project_id,
        "network:shared": networks.is_shared(network, viewer().project_id),
        "network:external": network.external,
    }


@resource.endpoint("GET", "", policy="get_network")
def index() -> Answer:
    return respond(networks.LISTING, ATTRIBUTE_MAP, view)


@resource.endpoint("POST", "", policy="create_network", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize_create(owner_target(requested), requested)
    views = write(lambda session: [view(row) for row in networks.create(session, tools().config, requests)])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<network_id>", policy="get_network")
def show(network_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(read(lambda session: view(networks.find(session, network_id, viewer()))))


@resource.endpoint("PUT", "/<network_id>", policy="update_network", body=JSON_OBJECT)
def update(body: JsonObject, network_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row = networks.find(session, network_id, viewer())
        ATTRIBUTE_MAP.authorize_update(target(row), requested)
        check_revision(row)
        networks.update(session, tools().config, row, requested)
        session.flush()
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<network_id>", policy="delete_network")
def delete(network_id: str) -> Answer:
    def work(session: "Session") -> None:
        row = networks.find(session, network_id, viewer())
        ATTRIBUTE_MAP.authorize_delete(target(row))
        check_revision(row)
        networks.delete(session, row)

    write(work)
    return "", 204
