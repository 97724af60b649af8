"""`/metadata/...`: what a guest reads at 169.254.169.254.

The network's agent asks on the guest's behalf: it has found out by the port's address whose request it is, and signs
the server's id with its host's secret, which is derived from ours. Nothing that a guest sends names a server, and a
host reads only of servers that run on it, or that have a network for which it does DHCP.
"""

import base64
import hashlib
import hmac
from typing import Any

from flask import Response, request

from pileus_compute.clients import network
from pileus_compute.core import guests, metadata_files
from pileus_compute.core.metadata_files import EC2_VERSIONS, VERSIONS
from pileus_compute.core.network_data import Subnet
from pileus_compute.db.models import Server
from pileus_compute.errors import ServerNotFound
from pileus_kit.db import Session
from pileus_kit.errors import Conflict, Forbidden, NotFound
from pileus_kit.web import Resource, tools

resource = Resource("metadata_service", __name__, url_prefix="/metadata")

WHY = "a guest has no token; the network service proves by signature whose request it is"
JSON, BYTES = "application/json", "application/octet-stream"
KINDS = {"user_data": BYTES}
LONGEST_PASSWORD = 255 * 10  # bytes, as the guest encrypted it


class NotSigned(Forbidden):
    text = "Invalid proxy request signature."


def _load(session: Session) -> tuple[Any, ...]:
    """The server whose id the host signed, with its ports and volumes."""
    server_id, host = request.headers.get("X-Instance-ID", ""), request.headers.get("X-Metadata-Host", "")
    given = request.headers.get("X-Instance-ID-Signature", "")
    expected = _mac(host_secret(tools().config.metadata_secret, host), server_id)
    if not tools().config.metadata_secret or not hmac.compare_digest(expected.encode(), given.encode()):
        raise NotSigned()
    server = session.get(Server, server_id)
    if server is None or server.project_id != request.headers.get("X-Tenant-ID", server.project_id):
        raise ServerNotFound(server=server_id)
    found = guests.load(session, server_id)
    if server.host != host and not _does_dhcp(host, found[1]):
        raise ServerNotFound(server=server_id)
    return found


def host_secret(secret: str, host: str) -> str:
    """What the network's agent on `host` is configured with."""
    return _mac(secret, host)


def _mac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _does_dhcp(host: str, ports: Any) -> bool:
    """Whether the host answers DHCP in one of the ports' networks: then it answers for guests of other hosts, too."""
    return network.serves_dhcp(tools().peers, host, {port.network_id for port in ports if port.network_id})


def _text(text: str | bytes, kind: str = "text/plain; charset=utf-8") -> Response:
    return Response(text, content_type=kind)


@resource.endpoint("GET", "", public=WHY, counted=False)
@resource.endpoint("GET", "/<path:path>", public=WHY, counted=False)
def read(path: str = "") -> Response:
    with tools().sessions.read() as session:
        server, ports, volumes = _load(session)
    parts = [p for p in path.split("/") if p]
    if not parts:
        return _text("\n".join(EC2_VERSIONS))
    if parts[0] == "openstack":
        return _openstack(parts[1:], server, ports, volumes)
    return _ec2(parts, server, ports, path.endswith("/"))


@resource.endpoint("POST", "/openstack/<version>/password", public=WHY, raw=True, counted=False)
def set_password(version: str) -> Response:
    """The guest hands over a password that it made up, encrypted with the user's key; once."""
    data = request.stream.read(LONGEST_PASSWORD + 1)
    if len(data) > LONGEST_PASSWORD:
        raise NotFound(why="The password is too long.")
    with tools().sessions.begin() as session:
        server = _load(session)[0]
        if server.encrypted_password:
            raise Conflict(why="The password is set already.")
        server.encrypted_password = data.decode("ascii", "replace")
    return _text("")


def _openstack(parts: list[str], server: Server, ports: Any, volumes: Any) -> Response:
    if not parts:
        return _text("\n".join(VERSIONS))
    if parts[0] not in VERSIONS or len(parts) > 2:
        raise NotFound(why="There is nothing here.")
    version, known = parts[0], metadata_files.names(server, parts[0])
    if len(parts) == 1:
        return _text("\n".join(known))
    name = parts[1]
    if name not in known:
        raise NotFound(why="There is nothing here.")
    if name == "password":
        return _text(server.encrypted_password or "")
    subnets = _subnets(ports) if name == "network_data.json" else []
    return _text(metadata_files.content(server, ports, volumes, subnets, version, name), KINDS.get(name, JSON))


def _subnets(ports: Any) -> list[Subnet]:
    return network.list_subnets(tools().peers, sorted({a["subnet_id"] for port in ports for a in port.fixed_ips}))


def _ec2(parts: list[str], server: Server, ports: Any, folder: bool) -> Response:
    if parts[0] not in EC2_VERSIONS:
        raise NotFound(why="There is nothing here.")
    if len(parts) == 1:
        return _text("meta-data/\nuser-data" if server.user_data else "meta-data/")
    if parts[1] == "user-data" and server.user_data:
        return _text(base64.b64decode(server.user_data), BYTES)
    if parts[1] != "meta-data":
        raise NotFound(why="There is nothing here.")
    found: Any = metadata_files.ec2(server, ports)
    for part in parts[2:]:
        if not isinstance(found, dict) or part not in found:
            raise NotFound(why="There is nothing here.")
        found = found[part]
    if isinstance(found, dict):
        names = [
            f"0={server.key_name}" if k == "0" else f"{k}/" if isinstance(v, dict) else k for k, v in found.items()
        ]
        return _text("\n".join(sorted(names)))
    return _text(str(found))
