"""/v2.0/ports"""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

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
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.subnets import named_networks
from pileus_network.api.transactions import read, write
from pileus_network.api.views import check_revision, show_standard_attributes
from pileus_network.core import networks, ports, visibility
from pileus_network.core.visibility import ELEVATED
from pileus_network.db.models import FixedIp, Network, Port, PortSecurityGroup
from pileus_network.errors import HTTPBadRequest

resource = Resource("ports", __name__, get="get_port", url_prefix="/v2.0/ports")


def _fixed_ip(value: Any) -> dict[str, str]:
    found: dict[str, Any] = converters.mapping(
        {}, {"subnet_id": converters.nullable(converters.uuid), "ip_address": converters.nullable(converters.address)}
    )(value)
    if not found.get("subnet_id") and not found.get("ip_address"):
        raise ValueError("it names neither subnet_id nor ip_address")
    return {name: text for name, text in found.items() if text}


OPTION_NAME = re.compile("[a-zA-Z0-9-]{1,40}")
OPTION_VALUE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")
"""What the DHCP server's files can hold, which have a line for each option."""


def _dhcp_option(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = converters.mapping(
        {"opt_name": converters.text(64, 1), "opt_value": converters.nullable(converters.text(255))},
        {"ip_version": converters.one_of(4, 6)},
    )(value)
    if not OPTION_NAME.fullmatch(found["opt_name"]):
        raise ValueError(f"'{found['opt_name']}' is not the name or number of a DHCP option")
    if not OPTION_VALUE.fullmatch(found["opt_value"] or ""):
        raise ValueError("the value of an option can't hold control characters or line breaks")
    return {"ip_version": 4} | found


PAIR = converters.mapping(
    {"ip_address": converters.address_or_prefix}, {"mac_address": converters.nullable(converters.mac)}
)
VNIC_TYPES = (
    "normal",
    "direct",
    "macvtap",
    "baremetal",
    "direct-physical",
    "virtio-forwarder",
    "smart-nic",
    "vdpa",
    "remote-managed",
    "accelerator-direct",
    "accelerator-direct-physical",
)

ATTRIBUTE_MAP = AttributeMap(
    "port",
    "ports",
    STANDARD_ATTRIBUTES
    | {
        "name": Attribute(converters.text(), ""),
        "network_id": Attribute(converters.uuid, REQUIRED, allow_put=False),
        "admin_state_up": Attribute(converters.boolean, True),
        "mac_address": Attribute(converters.nullable(converters.mac), None),
        "fixed_ips": Attribute(converters.nullable(converters.list_of(_fixed_ip)), None),
        "device_id": Attribute(converters.text(), ""),
        "device_owner": Attribute(converters.text(), ""),
        "security_groups": Attribute(converters.nullable(converters.list_of(converters.uuid)), None),
        "allowed_address_pairs": Attribute(converters.list_of(PAIR), []),
        "extra_dhcp_opts": Attribute(converters.list_of(_dhcp_option, most=20), []),
        "dns_name": Attribute(converters.dns_label, ""),
        "port_security_enabled": Attribute(converters.nullable(converters.boolean), None),
        "binding:host_id": Attribute(converters.nullable(converters.text()), ""),
        "binding:vnic_type": Attribute(converters.one_of(*VNIC_TYPES), "normal"),
        "binding:profile": Attribute(converters.json_object, {}),
        "binding:vif_type": READ_ONLY,
        "binding:vif_details": READ_ONLY,
    },
)


def _fixed_ips(found: list[str]) -> ColumnElement[bool]:
    """`fixed_ips=ip_address=10.0.0.3`, `=subnet_id=…`, `=ip_address_substr=10.0`; all must hold for one address."""
    wanted: dict[str, list[str]] = {}
    for text in found:
        name, _, value = text.partition("=")
        wanted.setdefault(name, []).append(value)
    columns = {"ip_address": FixedIp.address, "subnet_id": FixedIp.subnet_id}
    clauses: list[ColumnElement[bool]] = [FixedIp.port_id == Port.id]
    for name, texts in wanted.items():
        if name == "ip_address_substr":
            clauses.append(or_(*[FixedIp.address.contains(text, autoescape=True) for text in texts]))
        elif name in columns:
            clauses.append(columns[name].in_(texts))
        else:
            raise HTTPBadRequest(why=f"['{name}'] is invalid attribute for filtering")
    return exists(select(FixedIp.port_id).where(*clauses))


def _groups(found: list[str]) -> ColumnElement[bool]:
    return exists(
        select(PortSecurityGroup.port_id).where(
            PortSecurityGroup.port_id == Port.id, PortSecurityGroup.security_group_id.in_(found)
        )
    )


def _prepare(session: Session, rows: list[Port]) -> Callable[[Port], dict[str, Any]]:
    """The view of listed ports, with the addresses and groups of all of them read at once."""
    ids = [row.id for row in rows]
    fixed_ips: dict[str, list[dict[str, str]]] = {port_id: [] for port_id in ids}
    groups: dict[str, list[str]] = {port_id: [] for port_id in ids}
    for port_id, subnet_id, address in session.execute(
        select(FixedIp.port_id, FixedIp.subnet_id, FixedIp.address)
        .where(FixedIp.port_id.in_(ids))
        .order_by(FixedIp.port_id, FixedIp.position)
    ):
        fixed_ips[port_id].append({"subnet_id": subnet_id, "ip_address": address})
    for port_id, group_id in session.execute(
        select(PortSecurityGroup.port_id, PortSecurityGroup.security_group_id).where(PortSecurityGroup.port_id.in_(ids))
    ):
        groups[port_id].append(group_id)
    return lambda row: _view(row, fixed_ips[row.id], groups[row.id])


LISTING = Listing(
    ATTRIBUTE_MAP,
    Port,
    columns={
        "id": Port.id,
        "name": Port.name,
        "description": Port.description,
        "project_id": Port.project_id,
        "tenant_id": Port.project_id,
        "network_id": Port.network_id,
        "mac_address": Port.mac_address,
        "admin_state_up": Port.admin_state_up,
        "status": Port.status,
        "device_id": Port.device_id,
        "device_owner": Port.device_owner,
        "dns_name": Port.dns_name,
        "binding:host_id": Port.host,
        "binding:vnic_type": Port.vnic_type,
        "binding:vif_type": Port.vif_type,
        "port_security_enabled": Port.port_security_enabled,
        "revision_number": Port.revision_number,
        "created_at": Port.created_at,
        "updated_at": Port.updated_at,
    },
    clauses={"fixed_ips": _fixed_ips, "security_groups": _groups},
    prepare=_prepare,
)


def view(row: Port) -> dict[str, Any]:
    fixed_ips = [{"subnet_id": ip.subnet_id, "ip_address": ip.address} for ip in row.fixed_ips]
    return _view(row, fixed_ips, [group.security_group_id for group in row.security_groups])


def _view(row: Port, fixed_ips: list[dict[str, str]], groups: list[str]) -> dict[str, Any]:
    return show_standard_attributes(row) | {
        "name": row.name,
        "network_id": row.network_id,
        "mac_address": row.mac_address,
        "admin_state_up": row.admin_state_up,
        "status": row.status,
        "device_id": row.device_id,
        "device_owner": row.device_owner,
        "fixed_ips": fixed_ips,
        "security_groups": groups,
        "allowed_address_pairs": row.allowed_address_pairs,
        "extra_dhcp_opts": row.extra_dhcp_opts,
        "dns_name": row.dns_name,
        "port_security_enabled": row.port_security_enabled,
        "tags": row.tags,
        "binding:host_id": row.host,
        "binding:vif_type": row.vif_type,
        "binding:vnic_type": row.vnic_type,
        "binding:profile": row.profile,
        "binding:vif_details": {"port_filter": True, "connectivity": "l2"} if row.vif_type == "bridge" else {},
    }


def target(row: Port, network: Network, device_owner: str) -> dict[str, Any]:
    return owner_target(row) | network_views.network_target(network) | _device(device_owner)


def _device(owner: str) -> dict[str, Any]:
    """What a rule may ask of a port's owner: whose kind of device it is, before the colon."""
    return {"device_owner": owner.partition(":")[0] if ":" in owner else ""}


@resource.endpoint("GET", "", policy="get_port")
def index() -> dict[str, Any]:
    return LISTING.respond(visibility.ports(viewer()), view)


@resource.endpoint("POST", "", policy="create_port", body=JSON_OBJECT)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    requests = ATTRIBUTE_MAP.parse_post(body)

    def work(session: Session) -> list[dict[str, Any]]:
        found = named_networks(session, requests, viewer())
        for requested in requests:
            wanted = {
                "project_id": requested["project_id"],
                "tenant_id": requested["project_id"],
            } | network_views.network_target(found[requested["network_id"]])
            ATTRIBUTE_MAP.authorize("create", wanted | _device(requested["device_owner"]), requested)
        return [view(row) for row in ports.create(session, found, requests, viewer())]

    return ATTRIBUTE_MAP.post_response(body, write(work)), 201


@resource.endpoint("GET", "/<port_id>", policy="get_port")
def show(port_id: str) -> dict[str, Any]:
    def work(session: Session) -> dict[str, Any]:
        row = ports.find(session, port_id, viewer(), loaded=False)
        return _prepare(session, [row])(row)

    return ATTRIBUTE_MAP.response(read(work))


@resource.endpoint("PUT", "/<port_id>", policy="update_port", body=JSON_OBJECT)
def update(body: dict[str, Any], port_id: str) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: Session) -> dict[str, Any]:
        row, network = _found(session, port_id)
        ATTRIBUTE_MAP.authorize("update", target(row, network, requested.get("device_owner", "")), requested)
        check_revision(row)
        ports.update(session, row, network, requested, viewer())
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<port_id>", policy="delete_port")
def delete(port_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row, network = _found(session, port_id)
        ATTRIBUTE_MAP.authorize("delete", target(row, network, row.device_owner))
        check_revision(row)
        ports.delete(session, row, network)

    write(work)
    return "", 204


def _found(session: Session, port_id: str) -> tuple[Port, Network]:
    row = ports.find(session, port_id, viewer())
    return row, networks.find(session, row.network_id, ELEVATED)
