"""The files in which a guest reads about itself: OpenStack's tree (also on config drives) and EC2's.

Formats: https://docs.openstack.org/nova/latest/user/metadata.html (openstack/*), and the EC2 instance metadata layout.
"""

import base64
import json
import secrets
from collections.abc import Sequence

from pileus_compute.core.network_data import Subnet, network_data
from pileus_compute.db.models import Server, ServerPort, ServerVolume
from pileus_kit.json_types import JsonObject

VERSIONS = (
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
    "latest",
)
EC2_VERSIONS = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "latest",
)
VENDOR_DATA: JsonObject = {}


def meta_data(
    server: Server, ports: Sequence[ServerPort], volumes: Sequence[ServerVolume], version: str = "latest"
) -> JsonObject:
    """Return `meta_data.json` in this version of the format. Versions are dates, and "latest" sorts behind them."""
    document: JsonObject = {
        "uuid": server.id,
        "name": server.name,
        "hostname": server.hostname,
        "launch_index": server.launch_index,
        "availability_zone": server.zone or server.requested_zone,
    }
    if version >= "2013-04-04":
        document["random_seed"] = _seed()
    if version >= "2015-10-15":
        document["project_id"] = server.project_id
    if version >= "2016-06-30":
        document["devices"] = _devices(server, ports, volumes, version)
    if version >= "2020-10-14":
        document["dedicated_cpus"] = []
    if server.meta:
        document["meta"] = server.meta
    if server.key_name:
        document["public_keys"] = {server.key_name: server.public_key}
        document["keys"] = [{"name": server.key_name, "type": server.key_type or "ssh", "data": server.public_key}]
    return document


def _seed() -> str:
    return base64.b64encode(secrets.token_bytes(512)).decode()


def _devices(
    server: Server, ports: Sequence[ServerPort], volumes: Sequence[ServerVolume], version: str
) -> list[JsonObject]:
    """Return the devices that the user tagged, so that the guest can tell them apart."""
    trusted = {"vf_trusted": False} if version >= "2018-08-27" else {}
    nics: list[JsonObject] = [
        {"type": "nic", "mac": p.mac, "tags": [p.tag], **_address(server, p.id), **trusted} for p in ports if p.tag
    ]
    disks = [
        {"type": "disk", "serial": v.volume_id, "path": v.device, "tags": [v.tag], **_address(server, v.volume_id)}
        for v in volumes
        if v.tag
    ]
    return nics + disks


def _address(server: Server, device_id: str | None) -> dict[str, str]:
    """Return where the guest finds the device. A config drive is written before that is known; its host adds it."""
    bus, _, address = str(server.device_addresses.get(device_id or "", "")).partition(" ")
    return {"bus": bus or "none", "address": address or "none"}


def names(server: Server, version: str, drive: bool = False) -> list[str]:
    """Return the names of a version's files. A config drive has no `password`, which the guest would post."""
    found = ["meta_data.json"]
    found += ["user_data"] if server.user_data else []
    found += ["password"] if version >= "2013-04-04" and not drive else []
    found += ["vendor_data.json"] if version >= "2013-10-17" else []
    found += ["network_data.json"] if version >= "2015-10-15" else []
    return found + (["vendor_data2.json"] if version >= "2016-10-06" else [])


def content(
    server: Server,
    ports: Sequence[ServerPort],
    volumes: Sequence[ServerVolume],
    subnets: Sequence[Subnet],
    version: str,
    name: str,
    password: dict[str, str] | None = None,
) -> bytes:
    """Return the content of one of these files. Only `meta_data.json` of a config drive has the `password`."""
    if name == "user_data":
        return base64.b64decode(server.user_data or "")
    if name == "meta_data.json":
        return json.dumps(meta_data(server, ports, volumes, version) | (password or {})).encode()
    if name == "network_data.json":
        return json.dumps(network_data(ports, subnets)).encode()
    return json.dumps({"static": VENDOR_DATA} if name == "vendor_data2.json" else VENDOR_DATA).encode()


def config_drive(
    server: Server, ports: Sequence[ServerPort], volumes: Sequence[ServerVolume], subnets: Sequence[Subnet]
) -> dict[str, bytes]:
    """Return the files of a config drive: their contents by path."""
    files, password = {}, {"admin_pass": server.admin_password} if server.admin_password else {}
    for version in VERSIONS:
        for name in names(server, version, drive=True):
            files[f"openstack/{version}/{name}"] = content(server, ports, volumes, subnets, version, name, password)
    for version in EC2_VERSIONS:
        files[f"ec2/{version}/meta-data.json"] = json.dumps(ec2(server, ports)).encode()
        if server.user_data:
            files[f"ec2/{version}/user-data"] = base64.b64decode(server.user_data)
    return files


def ec2(server: Server, ports: Sequence[ServerPort]) -> JsonObject:
    """Return EC2's `meta-data` as a tree whose folders are dicts."""
    fixed = [a["ip_address"] for p in ports for a in p.fixed_ips if ":" not in a["ip_address"]]
    floating = [f for p in ports for f in p.floating_ips.values()]
    number = "i-" + server.id[:8]
    tree: JsonObject = {
        "ami-id": "ami-" + (server.image_id or "00000000")[:8],
        "ami-launch-index": server.launch_index,
        "ami-manifest-path": "",
        "hostname": server.hostname,
        "instance-action": "none",
        "instance-id": number,
        "instance-type": server.flavor["name"],
        "local-hostname": server.hostname,
        "local-ipv4": fixed[0] if fixed else "",
        "public-hostname": server.hostname,
        "public-ipv4": floating[0] if floating else "",
        "reservation-id": server.reservation_id,
        "security-groups": "\n".join(server.security_groups) or "default",
        "placement": {"availability-zone": server.zone or ""},
        "block-device-mapping": {"ami": "vda", "root": server.root_device or "/dev/vda"},
    }
    if server.key_name:
        tree["public-keys"] = {"0": {"openssh-key": server.public_key}}
    return tree
