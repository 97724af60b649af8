"""What a guest can read about itself: the trees of OpenStack's metadata service and config drive, and EC2's.

Formats: https://docs.openstack.org/nova/latest/user/metadata.html (openstack/*), and the EC2 instance metadata layout.
"""

import base64
import json
import secrets
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from pileus_compute.db.models import Server, ServerPort, ServerVolume

VERSIONS = ("2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22",
            "2018-08-27", "2020-10-14", "latest")
EC2_VERSIONS = ("1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01",
                "2008-09-01", "2009-04-04", "latest")
VENDOR_DATA: dict[str, Any] = {}


def meta_data(server: Server, ports: Sequence[ServerPort], volumes: Sequence[ServerVolume]) -> dict[str, Any]:
    """`meta_data.json`."""
    document: dict[str, Any] = {
        "uuid": server.id, "name": server.name, "hostname": server.hostname, "launch_index": server.launch_index,
        "availability_zone": server.zone or server.wanted_zone, "project_id": server.project_id,
        "random_seed": _seed(), "devices": _devices(ports, volumes), "dedicated_cpus": []}
    if server.meta:
        document["meta"] = server.meta
    if server.key_name:
        document["public_keys"] = {server.key_name: server.key_public}
        document["keys"] = [{"name": server.key_name, "type": server.key_type or "ssh", "data": server.key_public}]
    if server.admin_password:
        document["admin_pass"] = server.admin_password
    return document


def _seed() -> str:
    return base64.b64encode(secrets.token_bytes(512)).decode()


def _devices(ports: Sequence[ServerPort], volumes: Sequence[ServerVolume]) -> list[dict[str, Any]]:
    """Devices that a user tagged, so that the guest can tell them apart."""
    nics = [{"type": "nic", "bus": "pci", "address": "0000:00:00.0", "mac": p.mac, "tags": [p.tag]}
            for p in ports if p.tag]
    disks = [{"type": "disk", "bus": "virtio", "address": "0000:00:00.0", "serial": v.volume_id, "path": v.device,
              "tags": [v.tag]} for v in volumes if v.tag]
    return nics + disks


def network_data(ports: Sequence[ServerPort], subnets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`network_data.json`: links, networks and DNS servers. `subnets`: as the network service shows them."""
    known = {s["id"]: s for s in subnets}
    links: list[dict[str, Any]] = []
    networks: list[dict[str, Any]] = []
    servers: list[dict[str, str]] = []
    for port in ports:
        link = f"tap{port.id[:11]}"
        links.append({"id": link, "vif_id": port.id, "type": "bridge", "mtu": port.mtu,
                      "ethernet_mac_address": port.mac})
        for address in port.fixed_ips:
            subnet = known.get(address.get("subnet_id"))
            if subnet is None:
                continue
            networks.append(_network(len(networks), link, port, address["ip_address"], subnet))
            servers += [{"type": "dns", "address": dns} for dns in subnet.get("dns_nameservers", [])]
    unique = [s for i, s in enumerate(servers) if s not in servers[:i]]
    return {"links": links, "networks": networks, "services": unique}


def _network(number: int, link: str, port: ServerPort, address: str, subnet: dict[str, Any]) -> dict[str, Any]:
    """Every subnet is told as static: the address is fixed, and a guest that prefers DHCP gets the same one."""
    version = subnet["ip_version"]
    cidr = ip_network(subnet["cidr"])
    routes = [{"network": str(r.network_address), "netmask": str(r.netmask), "gateway": hop}
              for r, hop in ((ip_network(h["destination"]), h["nexthop"]) for h in subnet.get("host_routes", []))]
    if subnet.get("gateway_ip"):
        anywhere = "0.0.0.0" if version == 4 else "::"
        routes.insert(0, {"network": anywhere, "netmask": anywhere, "gateway": subnet["gateway_ip"]})
    return {"id": f"network{number}", "network_id": port.network_id, "link": link, "type": f"ipv{version}",
            "ip_address": address, "netmask": str(cidr.netmask), "routes": routes,
            "services": [{"type": "dns", "address": dns} for dns in subnet.get("dns_nameservers", [])]}


def config_drive(server: Server, ports: Sequence[ServerPort], volumes: Sequence[ServerVolume],
                 subnets: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """Path -> content of the files of a config drive."""
    documents = {"meta_data.json": meta_data(server, ports, volumes), "network_data.json": network_data(ports, subnets),
                 "vendor_data.json": VENDOR_DATA, "vendor_data2.json": {"static": VENDOR_DATA}}
    texts = {name: json.dumps(document).encode() for name, document in documents.items()}
    if server.user_data:
        texts["user_data"] = base64.b64decode(server.user_data)
    files = {f"openstack/{version}/{name}": text for version in ("2012-08-10", "2018-08-27", "latest")
             for name, text in texts.items()}
    for version in ("2009-04-04", "latest"):
        files[f"ec2/{version}/meta-data.json"] = json.dumps(ec2(server, ports)).encode()
        if server.user_data:
            files[f"ec2/{version}/user-data"] = base64.b64decode(server.user_data)
    return files


def ec2(server: Server, ports: Sequence[ServerPort]) -> dict[str, Any]:
    """EC2's `meta-data` as a tree: dicts are folders."""
    fixed = [a["ip_address"] for p in ports for a in p.fixed_ips if ":" not in a["ip_address"]]
    floating = [f for p in ports for f in p.floating_ips.values()]
    number = "i-" + server.id[:8]
    tree: dict[str, Any] = {
        "ami-id": "ami-" + (server.image_id or "00000000")[:8], "ami-launch-index": server.launch_index,
        "ami-manifest-path": "", "hostname": server.hostname, "instance-action": "none",
        "instance-id": number, "instance-type": server.flavor["name"], "local-hostname": server.hostname,
        "local-ipv4": fixed[0] if fixed else "", "public-hostname": server.hostname,
        "public-ipv4": floating[0] if floating else "", "reservation-id": server.reservation_id,
        "security-groups": "\n".join(server.security_groups) or "default",
        "placement": {"availability-zone": server.zone or ""},
        "block-device-mapping": {"ami": "vda", "root": server.root_device or "/dev/vda"}}
    if server.key_name:
        tree["public-keys"] = {"0": {"openssh-key": server.key_public}}
    return tree
