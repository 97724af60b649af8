"""/ and /v2.0/: the API version and its resources."""

from flask import request

from pileus_kit.json_types import Answer
from pileus_kit.web import Resource

resource = Resource("versions", __name__)

COLLECTIONS = {
    "network": "networks",
    "subnet": "subnets",
    "port": "ports",
    "router": "routers",
    "floatingip": "floatingips",
    "security_group": "security-groups",
    "security_group_rule": "security-group-rules",
    "subnetpool": "subnetpools",
    "address_scope": "address-scopes",
    "rbac_policy": "rbac-policies",
    "quota": "quotas",
    "agent": "agents",
    "availability_zone": "availability_zones",
    "extension": "extensions",
    "service_provider": "service-providers",
    "network_ip_availability": "network-ip-availabilities",
}


def _link(path: str) -> list[dict[str, str]]:
    return [{"rel": "self", "href": f"{request.url_root}v2.0/{path}"}]


@resource.endpoint("GET", "/", public="discovery")
def versions() -> Answer:
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": _link("")}]}


@resource.endpoint("GET", "/v2.0/", public="discovery")
def collections() -> Answer:
    return {
        "resources": [
            {"name": name, "collection": path.replace("-", "_"), "links": _link(path)}
            for name, path in COLLECTIONS.items()
        ]
    }
