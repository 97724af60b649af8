"""`/servers/ID/os-server-password`: a password that the guest chose and posted, encrypted with the user's key."""

from pileus_compute.api.requests.server_access import find_server, server_target
from pileus_compute.api.tools import tools
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource

resource = Resource("server_passwords", __name__, url_prefix="/v2.1/servers/<server_id>/os-server-password")


@resource.endpoint("GET", "", policy="os_compute_api:os-server-password:show", target=server_target)
def show(server_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"password": find_server(session, server_id).encrypted_password or ""}


@resource.endpoint("DELETE", "", policy="os_compute_api:os-server-password:clear", target=server_target)
def clear(server_id: str) -> Answer:
    with tools().sessions.begin() as session:
        find_server(session, server_id).encrypted_password = None
    return "", 204
