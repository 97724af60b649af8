"""/v2.0/ports"""

import re
from collections.abc import Callable
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
from pileus_network.core import networks, port_lists, ports
from pileus_network.core.port_lists import PortChildren
from pileus_network.core.port_requests import NewPort, PortUpdate
from pileus_network.core.visibility import ELEVATED
from pileus_network.db.models import Network, Port

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("ports", __name__, get="get_port", url_prefix="/v2.0/ports")


def _fixed_ip(value: object) -> dict[str, str]:
    found = converters.mapping(
        {}, {"subnet_id": converters.nullable(converters.uuid), "ip_address": converters.nullable(converters.address)}
    )(value)
    if not found.get("subnet_id") and not found.get("ip_address"):
        raise ValueError("it names neither subnet_id nor ip_address")
    return {name: text for name, text in found.items() if text}


OPTION_NAME = re.compile("[a-zA-Z0-9-]{1,40}")
OPTION_VALUE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")
"""Values that fit into dnsmasq's files, which have one line for each option."""


def _dhcp_option(value: object) -> JsonObject:
    found = converters.mapping(
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
        "extra_dhcp_opts": Attribute(converters.list_of(_dhcp_option, maximum=20), []),
        "dns_name": Attribute(converters.dns_label, ""),
        "port_security_enabled": Attribute(converters.nullable(converters.boolean), None),
        "binding:host_id": Attribute(converters.nullable(converters.text()), ""),
        "binding:vnic_type": Attribute(converters.one_of(*VNIC_TYPES), "normal"),
        "binding:profile": Attribute(converters.json_object, {}),
        "binding:vif_type": READ_ONLY,
        "binding:vif_details": READ_ONLY,
    },
    NewPort,
    PortUpdate,
)


def _prepare(session: "Session", rows: list[Port]) -> Callable[[Port], JsonObject]:
    """Read the fixed IPs and groups of all listed ports at once; return the view."""
    children = port_lists.list_children(session, [row.id for row in rows])
    return lambda row: _view(row, children[row.id])


def view(row: Port) -> JsonObject:
    fixed_ips = [(ip.subnet_id, ip.address) for ip in row.fixed_ips]
    return _view(row, PortChildren(fixed_ips, [group.security_group_id for group in row.security_groups]))


def _view(row: Port, children: PortChildren) -> JsonObject:
    return show_standard_attributes(row) | {
        "name": row.name,
        "network_id": row.network_id,
        "mac_address": row.mac_address,
        "admin_state_up": row.admin_state_up,
        "status": row.status,
        "device_id": row.device_id,
        "device_owner": row.device_owner,
        "fixed_ips": [{"subnet_id": subnet_id, "ip_address": address} for subnet_id, address in children.fixed_ips],
        "security_groups": list(children.security_groups),
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


def _target(row: Port, network: Network, device_owner: str) -> dict[str, object]:
    return owner_target(row) | network_views.network_target(network) | _device(device_owner)


def _device(owner: str) -> dict[str, object]:
    """Return the part of a port's owner that rules check: the kind of device, before the colon."""
    return {"device_owner": owner.partition(":")[0] if ":" in owner else ""}


@resource.endpoint("GET", "", policy="get_port")
def index() -> Answer:
    return respond(port_lists.LISTING, ATTRIBUTE_MAP, view, prepare=_prepare)


@resource.endpoint("POST", "", policy="create_port", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)

    def work(session: "Session") -> list[JsonObject]:
        found = networks.find_many(session, {requested.network_id for requested in requests}, viewer())
        for requested in requests:
            network = network_views.network_target(found[requested.network_id])
            target = owner_target(requested) | network | _device(requested.device_owner)
            ATTRIBUTE_MAP.authorize_create(target, requested)
        return [view(row) for row in ports.create(session, found, requests, viewer())]

    return ATTRIBUTE_MAP.post_response(body, write(work)), 201


@resource.endpoint("GET", "/<port_id>", policy="get_port")
def show(port_id: str) -> Answer:
    def work(session: "Session") -> JsonObject:
        row = ports.find(session, port_id, viewer(), loaded=False)
        return _prepare(session, [row])(row)

    return ATTRIBUTE_MAP.response(read(work))


@resource.endpoint("PUT", "/<port_id>", policy="update_port", body=JSON_OBJECT)
def update(body: JsonObject, port_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row, network = _found(session, port_id)
        ATTRIBUTE_MAP.authorize_update(_target(row, network, requested.get("device_owner", "")), requested)
        check_revision(row)
        ports.update(session, row, network, requested, viewer())
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<port_id>", policy="delete_port")
def delete(port_id: str) -> Answer:
    def work(session: "Session") -> None:
        row, network = _found(session, port_id)
        ATTRIBUTE_MAP.authorize_delete(_target(row, network, row.device_owner))
        check_revision(row)
        ports.delete(session, row, network)

    write(work)
    return "", 204


def _found(session: "Session", port_id: str) -> tuple[Port, Network]:
    row = ports.find(session, port_id, viewer())
    return row, networks.find(session, row.network_id, ELEVATED)
