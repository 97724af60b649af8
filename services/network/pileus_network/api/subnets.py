"""/v2.0/subnets"""

from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_network.api import converters
from pileus_network.api import networks as network_views
from pileus_network.api.attributes import (
    JSON_OBJECT,
    READ_ONLY,
    REQUIRED,
    STANDARD_ATTRIBUTES,
    Attribute,
    AttributeMap,
    owner_target,
    viewer,
)
from pileus_network.api.listing import respond
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import networks, subnets
from pileus_network.core.subnets import ATTR_NOT_SPECIFIED, NewSubnet, SubnetUpdate
from pileus_network.core.visibility import ELEVATED
from pileus_network.db.models import Network, Subnet
from pileus_network.errors import HTTPBadRequest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("subnets", __name__, get="get_subnet", url_prefix="/v2.0/subnets")

MODES = converters.nullable(converters.one_of("dhcpv6-stateful", "dhcpv6-stateless", "slaac"))
POOL = converters.mapping({"start": converters.address, "end": converters.address})
ROUTE = converters.mapping({"destination": converters.prefix, "nexthop": converters.address})

ATTRIBUTE_MAP = AttributeMap(
    "subnet",
    "subnets",
    STANDARD_ATTRIBUTES
    | {
        "name": Attribute(converters.text(), ""),
        "network_id": Attribute(converters.uuid, REQUIRED, allow_put=False),
        "ip_version": Attribute(converters.integer(0, 255), REQUIRED, allow_put=False),
        "cidr": Attribute(converters.nullable(converters.prefix), None, allow_put=False),
        "prefixlen": Attribute(converters.nullable(converters.integer(0, 128)), None, allow_put=False),
        "subnetpool_id": Attribute(converters.nullable(converters.uuid), None, allow_put=False),
        "use_default_subnetpool": Attribute(converters.boolean, False, allow_put=False),
        "gateway_ip": Attribute(converters.nullable(converters.address), ATTR_NOT_SPECIFIED),
        "allocation_pools": Attribute(converters.nullable(converters.list_of(POOL)), None),
        "dns_nameservers": Attribute(converters.list_of(converters.address), []),
        "host_routes": Attribute(converters.list_of(ROUTE), []),
        "enable_dhcp": Attribute(converters.boolean, True),
        "ipv6_ra_mode": Attribute(MODES, None, allow_put=False),
        "ipv6_address_mode": Attribute(MODES, None, allow_put=False),
        "service_types": Attribute(converters.list_of(converters.text(), maximum=20), []),
        "router:external": READ_ONLY,
    },
    NewSubnet,
    SubnetUpdate,
)


def view(row: Subnet) -> JsonObject:
    return show_standard_attributes(row) | {
        "name": row.name,
        "network_id": row.network_id,
        "ip_version": row.ip_version,
        "cidr": row.cidr,
        "gateway_ip": row.gateway_ip,
        "allocation_pools": row.allocation_pools,
        "dns_nameservers": row.dns_nameservers,
        "host_routes": row.host_routes,
        "enable_dhcp": row.enable_dhcp,
        "ipv6_ra_mode": row.ipv6_ra_mode,
        "ipv6_address_mode": row.ipv6_address_mode,
        "subnetpool_id": row.subnetpool_id,
        "service_types": row.service_types,
        "tags": row.tags,
    }


def target(row: Subnet, network: Network) -> dict[str, object]:
    return owner_target(row) | network_views.network_target(network)


@resource.endpoint("GET", "", policy="get_subnet")
def index() -> Answer:
    return respond(subnets.LISTING, ATTRIBUTE_MAP, view)


@resource.endpoint("POST", "", policy="create_subnet", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        if requested.ip_version not in (4, 6):
            raise HTTPBadRequest(
                why=f"Invalid input for ip_version. Reason: '{requested.ip_version}' is not in [4, 6]."
            )

    def work(session: "Session") -> list[JsonObject]:
        found = networks.find_many(session, {requested.network_id for requested in requests}, viewer())
        for requested in requests:
            ATTRIBUTE_MAP.authorize_create(_new_target(found[requested.network_id]), requested)
        return [view(row) for row in subnets.create(session, found, requests)]

    return ATTRIBUTE_MAP.post_response(body, write(work)), 201


def _new_target(network: Network) -> dict[str, object]:
    """The target of a new subnet: the network's owner may add one."""
    return owner_target(network) | network_views.network_target(network)


@resource.endpoint("GET", "/<subnet_id>", policy="get_subnet")
def show(subnet_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(read(lambda session: view(subnets.find(session, subnet_id, viewer()))))


@resource.endpoint("PUT", "/<subnet_id>", policy="update_subnet", body=JSON_OBJECT)
def update(body: JsonObject, subnet_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row, network = _found(session, subnet_id)
        ATTRIBUTE_MAP.authorize_update(target(row, network), requested)
        check_revision(row)
        subnets.update(session, row, network, requested)
        session.flush()
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<subnet_id>", policy="delete_subnet")
def delete(subnet_id: str) -> Answer:
    def work(session: "Session") -> None:
        row, network = _found(session, subnet_id)
        ATTRIBUTE_MAP.authorize_delete(target(row, network))
        check_revision(row)
        subnets.delete(session, row, network)

    write(work)
    return "", 204


def _found(session: "Session", subnet_id: str) -> tuple[Subnet, Network]:
    row = subnets.find(session, subnet_id, viewer())
    return row, networks.find(session, row.network_id, ELEVATED)
