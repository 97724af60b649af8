"""`/metadata/…`: what a guest reads at 169.254.169.254.

The network's agent asks for the guest: it knows by the port's address whose request it is, and signs the server's id
with its host's secret, which is derived from ours. So no guest can name a server, and a host reads only about servers
that run on it, or that have a network in which it serves DHCP.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, request

from pileus_compute.api.tools import tools
from pileus_compute.clients import network
from pileus_compute.core import guests, metadata_files
from pileus_compute.core.metadata_files import EC2_VERSIONS, VERSIONS
from pileus_compute.core.network_data import Subnet
from pileus_compute.db.models import Server, ServerPort, ServerVolume
from pileus_compute.errors import ServerNotFound
from pileus_kit.db import Session
from pileus_kit.errors import Conflict, Forbidden, NotFound
from pileus_kit.web import Resource

resource = Resource("metadata_service", __name__, url_prefix="/metadata")

WHY_PUBLIC = "a guest has no token; the network service proves by signature whose request it is"
TEXT, JSON, BYTES = "text/plain; charset=utf-8", "application/json", "application/octet-stream"
TYPES = {"user_data": BYTES}
MAX_PASSWORD_BYTES = 255 * 10  # as the guest encrypted it


class NotSigned(Forbidden):
    text = "Invalid proxy request signature."


class NothingHere(NotFound):
    text = "There is nothing here."


@dataclass(frozen=True)
class _Instance:
    """The server that a request is about."""

    server: Server
    ports: Sequence[ServerPort]
    volumes: Sequence[ServerVolume]


def _load(session: Session) -> _Instance:
    """Return the server whose id the host signed. Raises NotSigned or ServerNotFound."""
    server_id, host = request.headers.get("X-Instance-ID", ""), request.headers.get("X-Metadata-Host", "")
    given = request.headers.get("X-Instance-ID-Signature", "")
    expected = _mac(host_secret(tools().config.metadata_secret, host), server_id)
    if not tools().config.metadata_secret or not hmac.compare_digest(expected.encode(), given.encode()):
        raise NotSigned()
    found = guests.find(session, server_id)
    if found is None or found[0].project_id != request.headers.get("X-Tenant-ID", found[0].project_id):
        raise ServerNotFound(server=server_id)
    instance = _Instance(*found)
    if instance.server.host != host and not _serves_dhcp(host, instance.ports):
        raise ServerNotFound(server=server_id)
    return instance


def host_secret(secret: str, host: str) -> str:
    """Return the secret that the network's agent on `host` is configured with."""
    return _mac(secret, host)


def _mac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _serves_dhcp(host: str, ports: Sequence[ServerPort]) -> bool:
    """Return whether the host serves DHCP in a network of the ports: then guests of other hosts may ask it, too."""
    return network.serves_dhcp(tools().peers, host, {port.network_id for port in ports if port.network_id})


def _answer(content: str | bytes, content_type: str = TEXT) -> Response:
    return Response(content, content_type=content_type)


@resource.endpoint("GET", "", public=WHY_PUBLIC, counted=False)
@resource.endpoint("GET", "/<path:path>", public=WHY_PUBLIC, counted=False)
def show(path: str = "") -> Response:
    with tools().sessions.read() as session:
        instance = _load(session)
    parts = [p for p in path.split("/") if p]
    if not parts:
        return _answer("\n".join(EC2_VERSIONS))
    if parts[0] == "openstack":
        return _show_openstack(parts[1:], instance)
    return _show_ec2(parts, instance)


@resource.endpoint("POST", "/openstack/<version>/password", public=WHY_PUBLIC, raw=True, counted=False)
def set_password(version: str) -> Response:
    """Keep a password that the guest chose and encrypted with the user's key. It can be set once."""
    data = request.stream.read(MAX_PASSWORD_BYTES + 1)
    if len(data) > MAX_PASSWORD_BYTES:
        raise NotFound(why="The password is too long.")
    with tools().sessions.begin() as session:
        server = _load(session).server
        if server.encrypted_password:
            raise Conflict(why="The password is set already.")
        server.encrypted_password = data.decode("ascii", "replace")
    return _answer("")


def _show_openstack(parts: list[str], instance: _Instance) -> Response:
    """Answer a path below `/openstack`: the versions, the files of one, or a file."""
    server = instance.server
    if not parts:
        return _answer("\n".join(VERSIONS))
    if parts[0] not in VERSIONS or len(parts) > 2:
        raise NothingHere()
    version, names = parts[0], metadata_files.names(server, parts[0])
    if len(parts) == 1:
        return _answer("\n".join(names))
    name = parts[1]
    if name not in names:
        raise NothingHere()
    if name == "password":
        return _answer(server.encrypted_password or "")
    subnets = _subnets(instance.ports) if name == "network_data.json" else []
    content = metadata_files.content(server, instance.ports, instance.volumes, subnets, version, name)
    return _answer(content, TYPES.get(name, JSON))


def _subnets(ports: Sequence[ServerPort]) -> list[Subnet]:
    return network.list_subnets(tools().peers, sorted({a["subnet_id"] for port in ports for a in port.fixed_ips}))


def _show_ec2(parts: list[str], instance: _Instance) -> Response:
    """Answer a path of EC2's tree, which begins with a version."""
    server = instance.server
    if parts[0] not in EC2_VERSIONS:
        raise NothingHere()
    if len(parts) == 1:
        return _answer("meta-data/\nuser-data" if server.user_data else "meta-data/")
    if parts[1] == "user-data" and server.user_data:
        return _answer(base64.b64decode(server.user_data), BYTES)
    if parts[1] != "meta-data":
        raise NothingHere()
    found: object = metadata_files.ec2(server, instance.ports)
    for part in parts[2:]:
        if not isinstance(found, dict) or part not in found:
            raise NothingHere()
        found = found[part]
    if isinstance(found, dict):
        return _answer("\n".join(sorted(_entry(server, name, value) for name, value in found.items())))
    return _answer(str(found))


def _entry(server: Server, name: str, value: object) -> str:
    """Return the line of a folder's list. EC2 lists a public key with its name, and folders with a slash."""
    if name == "0":
        return f"0={server.key_name}"
    return f"{name}/" if isinstance(value, dict) else name
