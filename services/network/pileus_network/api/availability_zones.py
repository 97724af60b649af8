"""/v2.0/availability_zones: the one there is, of networks and of routers."""

from pileus_kit.json_types import Answer
from pileus_kit.web import Resource
from pileus_network.api import converters, in_memory_lists
from pileus_network.api.attributes import Attribute
from pileus_network.core.networks import AVAILABILITY_ZONE

resource = Resource("availability_zones", __name__, url_prefix="/v2.0/availability_zones")

AVAILABILITY_ZONE_HINTS = Attribute(converters.list_of(converters.one_of(AVAILABILITY_ZONE)), [], allow_put=False)
ZONES = [{"name": AVAILABILITY_ZONE, "resource": kind, "state": "available"} for kind in ("network", "router")]


@resource.endpoint("GET", "", policy="get_availability_zone")
def index() -> Answer:
    return in_memory_lists.respond("availability_zones", ZONES, ("name", "resource", "state"), key="resource")
