"""/v2.0/service-providers: what implements the services that Networking's API describes."""

from pileus_kit.json_types import Answer
from pileus_kit.web import Resource
from pileus_network.api import in_memory_lists

resource = Resource("service_providers", __name__, url_prefix="/v2.0/service-providers")

PROVIDERS = [{"service_type": "L3_ROUTER_NAT", "name": "pileus", "default": True}]


@resource.endpoint("GET", "", policy="get_service_provider")
def index() -> Answer:
    return in_memory_lists.respond("service_providers", PROVIDERS, ("service_type", "name", "default"), key="name")
