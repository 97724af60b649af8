"""/v2.0/availability_zones and /v2.0/service-providers: short, fixed lists that clients ask for."""

from typing import Any

from pileus_kit.web import Resource
from pileus_network.api import in_memory_lists
from pileus_network.api.networks import AVAILABILITY_ZONE

resource = Resource("zones", __name__, url_prefix="/v2.0")

ZONES = [{"name": AVAILABILITY_ZONE, "resource": kind, "state": "available"} for kind in ("network", "router")]
PROVIDERS = [{"service_type": "L3_ROUTER_NAT", "name": "pileus", "default": True}]


@resource.endpoint("GET", "/availability_zones", policy="get_availability_zone")
def zones() -> dict[str, Any]:
    return in_memory_lists.respond("availability_zones", ZONES, ("name", "resource", "state"), key="resource")


@resource.endpoint("GET", "/service-providers", policy="get_service_provider")
def providers() -> dict[str, Any]:
    return in_memory_lists.respond("service_providers", PROVIDERS, ("service_type", "name", "default"), key="name")
