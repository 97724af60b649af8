"""/v2.0/network-ip-availabilities: how many addresses each network has, and how many are used."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource
from pileus_network.api.transactions import read
from pileus_network.core import network_ip_availabilities
from pileus_network.core.network_ip_availabilities import FILTERS, NetworkIps
from pileus_network.errors import HTTPBadRequest

resource = Resource("ip_availabilities", __name__, url_prefix="/v2.0/network-ip-availabilities")


def view(found: NetworkIps) -> JsonObject:
    row = found.network
    shown = [
        {
            "subnet_id": ips.subnet.id,
            "subnet_name": ips.subnet.name,
            "cidr": ips.subnet.cidr,
            "ip_version": ips.subnet.ip_version,
            "total_ips": ips.total,
            "used_ips": ips.used,
        }
        for ips in found.subnets
    ]
    return {
        "network_id": row.id,
        "network_name": row.name,
        "project_id": row.project_id,
        "tenant_id": row.project_id,
        "subnet_ip_availability": shown,
        "total_ips": sum(ips.total for ips in found.subnets),
        "used_ips": sum(ips.used for ips in found.subnets),
    }


@resource.endpoint("GET", "", policy="get_network_ip_availability")
def index() -> Answer:
    unknown = next((name for name in request.args if name not in (*FILTERS, "ip_version", "fields")), None)
    if unknown is not None:
        raise HTTPBadRequest(why=f"['{unknown}'] is invalid attribute for filtering")
    filters = {name: request.args.getlist(name) for name in request.args if name in FILTERS}
    versions = request.args.getlist("ip_version")
    ip_versions = [parse_whole_number(text) for text in versions] if versions else None
    found = read(lambda session: network_ip_availabilities.list_all(session, filters, ip_versions))
    return {"network_ip_availabilities": [view(one) for one in found]}


@resource.endpoint("GET", "/<network_id>", policy="get_network_ip_availability")
def show(network_id: str) -> Answer:
    found = read(lambda session: network_ip_availabilities.find(session, network_id))
    return {"network_ip_availability": view(found)}
