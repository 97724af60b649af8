"""`/os-networks` and `/os-tenant-networks` until microversion 2.35: the network service's networks by name."""

from pileus_compute.api.tools import tools
from pileus_compute.clients import network
from pileus_compute.clients.network import Network
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("network_proxy", __name__, url_prefix="/v2.1")
NETWORKS, TENANT_NETWORKS = "os_compute_api:os-networks:", "os_compute_api:os-tenant-networks:"
LAST = (2, 35)


def network_view(found: Network) -> JsonObject:
    return {"id": found.id, "label": found.name, "cidr": None}


def _index() -> Answer:
    return {"networks": [network_view(n) for n in network.list_networks(tools().peers, brief=True, caller=caller())]}


def _show(network_id: str) -> Answer:
    return {"network": network_view(network.show_network(tools().peers, network_id, caller()))}


@resource.endpoint("GET", "/os-networks", policy=NETWORKS + "list", until=LAST)
def index() -> Answer:
    return _index()


@resource.endpoint("GET", "/os-networks/<network_id>", policy=NETWORKS + "show", until=LAST)
def show(network_id: str) -> Answer:
    return _show(network_id)


@resource.endpoint("GET", "/os-tenant-networks", policy=TENANT_NETWORKS + "list", until=LAST)
def index_of_tenant() -> Answer:
    return _index()


@resource.endpoint("GET", "/os-tenant-networks/<network_id>", policy=TENANT_NETWORKS + "show", until=LAST)
def show_of_tenant(network_id: str) -> Answer:
    return _show(network_id)
