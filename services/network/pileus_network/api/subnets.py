"""/v2.0/subnets"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from pileus_network.api import networks as network_views
from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, REQUIRED, STANDARD, Attr, Shape, owned, scope
from pileus_network.api.listing import Listing, flag
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import change, read
from pileus_network.api.views import check_revision, standard
from pileus_network.core import networks, scopes, subnets
from pileus_network.core.scopes import EVERYTHING, Scope
from pileus_network.db.models import Network, Subnet
from pileus_network.errors import HTTPBadRequest, NetworkNotFound

resource = Resource("subnets", __name__, get="get_subnet", url_prefix="/v2.0/subnets")

MODES = values.nullable(values.one_of("dhcpv6-stateful", "dhcpv6-stateless", "slaac"))
POOL = values.mapping({"start": values.address, "end": values.address})
ROUTE = values.mapping({"destination": values.prefix, "nexthop": values.address})

SHAPE = Shape(
    "subnet",
    "subnets",
    STANDARD
    | {
        "name": Attr(values.text(), ""),
        "network_id": Attr(values.uuid, REQUIRED, put=False),
        "ip_version": Attr(values.integer(0, 255), REQUIRED, put=False),
        "cidr": Attr(values.nullable(values.prefix), None, put=False),
        "prefixlen": Attr(values.nullable(values.integer(0, 128)), None, put=False),
        "subnetpool_id": Attr(values.nullable(values.uuid), None, put=False),
        "use_default_subnetpool": Attr(values.boolean, False, put=False),
        "gateway_ip": Attr(values.nullable(values.address), subnets.DEFAULT),
        "allocation_pools": Attr(values.nullable(values.items(POOL)), None),
        "dns_nameservers": Attr(values.items(values.address), []),
        "host_routes": Attr(values.items(ROUTE), []),
        "enable_dhcp": Attr(values.boolean, True),
        "ipv6_ra_mode": Attr(MODES, None, put=False),
        "ipv6_address_mode": Attr(MODES, None, put=False),
        "service_types": Attr(values.items(values.text(), most=20), []),
        "router:external": READ_ONLY,
    },
)

LISTING = Listing(
    SHAPE,
    Subnet,
    columns={
        "id": Subnet.id,
        "name": Subnet.name,
        "description": Subnet.description,
        "project_id": Subnet.project_id,
        "tenant_id": Subnet.project_id,
        "network_id": Subnet.network_id,
        "ip_version": Subnet.ip_version,
        "cidr": Subnet.cidr,
        "gateway_ip": Subnet.gateway_ip,
        "enable_dhcp": Subnet.enable_dhcp,
        "subnetpool_id": Subnet.subnetpool_id,
        "ipv6_ra_mode": Subnet.ipv6_ra_mode,
        "ipv6_address_mode": Subnet.ipv6_address_mode,
        "revision_number": Subnet.revision_number,
        "created_at": Subnet.created_at,
        "updated_at": Subnet.updated_at,
    },
    clauses={
        "shared": flag("shared", lambda: Subnet.network_id.in_(network_views.shared_ones())),
        "router:external": flag(
            "router:external", lambda: Subnet.network_id.in_(select(Network.id).where(Network.external))
        ),
    },
)


def view(row: Subnet) -> dict[str, Any]:
    return standard(row) | {
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


def target(row: Subnet, network: Network) -> dict[str, Any]:
    return owned(row) | network_views.of(network)


def named_networks(session: Session, wishes: list[dict[str, Any]], seen: Scope) -> dict[str, Network]:
    """The networks that the wishes name, which must be within reach, with subnets."""
    ids = {wish["network_id"] for wish in wishes}
    query = (
        select(Network)
        .where(Network.id.in_(ids), scopes.networks(seen))
        .options(selectinload(Network.subnets), joinedload(Network.shares))
    )  # few shares: no statement of their own
    found = {row.id: row for row in session.scalars(query).unique()}
    if ids - set(found):
        raise NetworkNotFound(net_id=min(ids - set(found)))
    return found


@resource.endpoint("GET", "", policy="get_subnet")
def index() -> dict[str, Any]:
    return LISTING.answer(scopes.subnets(scope()), view)


@resource.endpoint("POST", "", policy="create_subnet", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    for wish in wishes:
        if wish["ip_version"] not in (4, 6):
            raise HTTPBadRequest(why=f"Invalid input for ip_version. Reason: '{wish['ip_version']}' is not in [4, 6].")

    def work(session: Session) -> list[dict[str, Any]]:
        found = named_networks(session, wishes, scope())
        for wish in wishes:
            SHAPE.permit("create", _new_target(found[wish["network_id"]]), wish)
        return [view(row) for row in subnets.create(session, found, wishes)]

    return SHAPE.reply(body, change(work)), 201


def _new_target(network: Network) -> dict[str, Any]:
    """Who may add a subnet is who owns the network."""
    return owned(network) | network_views.of(network)


@resource.endpoint("GET", "/<subnet_id>", policy="get_subnet")
def show(subnet_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(subnets.get(session, subnet_id, scope()))))


@resource.endpoint("PUT", "/<subnet_id>", policy="update_subnet", body=ANY)
def update(body: dict[str, Any], subnet_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Session) -> dict[str, Any]:
        row, network = _found(session, subnet_id)
        SHAPE.permit("update", target(row, network), wish)
        check_revision(row)
        subnets.update(session, row, network, wish)
        session.flush()
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<subnet_id>", policy="delete_subnet")
def delete(subnet_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row, network = _found(session, subnet_id)
        SHAPE.permit("delete", target(row, network))
        check_revision(row)
        subnets.delete(session, row, network)

    change(work)
    return "", 204


def _found(session: Session, subnet_id: str) -> tuple[Subnet, Network]:
    row = subnets.get(session, subnet_id, scope())
    return row, networks.get(session, row.network_id, EVERYTHING)
