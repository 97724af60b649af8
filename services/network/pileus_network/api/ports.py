"""/v2.0/ports"""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from pileus_network.api import networks as network_views
from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, REQUIRED, STANDARD, Attr, Shape, owned, scope
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.subnets import named_networks
from pileus_network.api.transactions import change, read
from pileus_network.api.views import check_revision, standard
from pileus_network.core import networks, ports, scopes
from pileus_network.core.scopes import EVERYTHING
from pileus_network.db.models import FixedIp, Network, Port, PortGroup
from pileus_network.errors import HTTPBadRequest

resource = Resource("ports", __name__, get="get_port", url_prefix="/v2.0/ports")


def _fixed_ip(value: Any) -> dict[str, str]:
    found: dict[str, Any] = values.mapping(
        {}, {"subnet_id": values.nullable(values.uuid), "ip_address": values.nullable(values.address)}
    )(value)
    if not found.get("subnet_id") and not found.get("ip_address"):
        raise ValueError("it names neither subnet_id nor ip_address")
    return {name: text for name, text in found.items() if text}


OPTION_NAME = re.compile("[a-zA-Z0-9-]{1,40}")
OPTION_VALUE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")
"""What the DHCP server's files can hold, which have a line for each option."""


def _dhcp_option(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = values.mapping(
        {"opt_name": values.text(64, 1), "opt_value": values.nullable(values.text(255))},
        {"ip_version": values.one_of(4, 6)},
    )(value)
    if not OPTION_NAME.fullmatch(found["opt_name"]):
        raise ValueError(f"'{found['opt_name']}' is not the name or number of a DHCP option")
    if not OPTION_VALUE.fullmatch(found["opt_value"] or ""):
        raise ValueError("the value of an option can't hold control characters or line breaks")
    return {"ip_version": 4} | found


PAIR = values.mapping({"ip_address": values.address_or_prefix}, {"mac_address": values.nullable(values.mac)})
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

SHAPE = Shape(
    "port",
    "ports",
    STANDARD
    | {
        "name": Attr(values.text(), ""),
        "network_id": Attr(values.uuid, REQUIRED, put=False),
        "admin_state_up": Attr(values.boolean, True),
        "mac_address": Attr(values.nullable(values.mac), None),
        "fixed_ips": Attr(values.nullable(values.items(_fixed_ip)), None),
        "device_id": Attr(values.text(), ""),
        "device_owner": Attr(values.text(), ""),
        "security_groups": Attr(values.nullable(values.items(values.uuid)), None),
        "allowed_address_pairs": Attr(values.items(PAIR), []),
        "extra_dhcp_opts": Attr(values.items(_dhcp_option, most=20), []),
        "dns_name": Attr(values.label, ""),
        "port_security_enabled": Attr(values.nullable(values.boolean), None),
        "binding:host_id": Attr(values.nullable(values.text()), ""),
        "binding:vnic_type": Attr(values.one_of(*VNIC_TYPES), "normal"),
        "binding:profile": Attr(values.document, {}),
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
    return exists(select(PortGroup.port_id).where(PortGroup.port_id == Port.id, PortGroup.group_id.in_(found)))


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
        select(PortGroup.port_id, PortGroup.group_id).where(PortGroup.port_id.in_(ids))
    ):
        groups[port_id].append(group_id)
    return lambda row: _view(row, fixed_ips[row.id], groups[row.id])


LISTING = Listing(
    SHAPE,
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
    return _view(row, fixed_ips, [group.group_id for group in row.groups])


def _view(row: Port, fixed_ips: list[dict[str, str]], groups: list[str]) -> dict[str, Any]:
    return standard(row) | {
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
    return owned(row) | network_views.of(network) | _device(device_owner)


def _device(owner: str) -> dict[str, Any]:
    """What a rule may ask of a port's owner: whose kind of device it is, before the colon."""
    return {"device_owner": owner.partition(":")[0] if ":" in owner else ""}


@resource.endpoint("GET", "", policy="get_port")
def index() -> dict[str, Any]:
    return LISTING.answer(scopes.ports(scope()), view)


@resource.endpoint("POST", "", policy="create_port", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)

    def work(session: Session) -> list[dict[str, Any]]:
        found = named_networks(session, wishes, scope())
        for wish in wishes:
            wanted = {"project_id": wish["project_id"], "tenant_id": wish["project_id"]} | network_views.of(
                found[wish["network_id"]]
            )
            SHAPE.permit("create", wanted | _device(wish["device_owner"]), wish)
        return [view(row) for row in ports.create(session, found, wishes, scope())]

    return SHAPE.reply(body, change(work)), 201


@resource.endpoint("GET", "/<port_id>", policy="get_port")
def show(port_id: str) -> dict[str, Any]:
    def work(session: Session) -> dict[str, Any]:
        row = ports.get(session, port_id, scope(), loaded=False)
        return _prepare(session, [row])(row)

    return SHAPE.show(read(work))


@resource.endpoint("PUT", "/<port_id>", policy="update_port", body=ANY)
def update(body: dict[str, Any], port_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Session) -> dict[str, Any]:
        row, network = _found(session, port_id)
        SHAPE.permit("update", target(row, network, wish.get("device_owner", "")), wish)
        check_revision(row)
        ports.update(session, row, network, wish, scope())
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<port_id>", policy="delete_port")
def delete(port_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row, network = _found(session, port_id)
        SHAPE.permit("delete", target(row, network, row.device_owner))
        check_revision(row)
        ports.delete(session, row, network)

    change(work)
    return "", 204


def _found(session: Session, port_id: str) -> tuple[Port, Network]:
    row = ports.get(session, port_id, scope())
    return row, networks.get(session, row.network_id, EVERYTHING)
