"""`network_data.json`, field by field as Nova has it, in the metadata service and on a config drive."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from pileus_compute.api.metadata_service import host_secret
from pileus_compute.steps.guests import describe_with_config_drive
from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"
SUBNET_ID = "33333333-3333-4333-8333-333333333333"
V4 = {
    "id": SUBNET_ID,
    "ip_version": 4,
    "cidr": "10.0.0.0/24",
    "gateway_ip": "10.0.0.1",
    "enable_dhcp": True,
    "dns_nameservers": ["10.0.0.2"],
    "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.9"}],
    "ipv6_address_mode": None,
    "ipv6_ra_mode": None,
}
V6 = V4 | {
    "id": "33333333-3333-4333-8333-333333333334",
    "ip_version": 6,
    "cidr": "fd00::/64",
    "gateway_ip": "fd00::1",
    "dns_nameservers": [],
    "host_routes": [],
}


ADDRESSES = {4: "10.0.0.5", 6: "fd00::5"}


class Guest:
    def __init__(self, compute: ComputeFixture, network: Any, *subnets: dict[str, Any]) -> None:
        network.app.view_functions["list_subnets"] = lambda: {"subnets": list(subnets)}
        self.compute, self.port = compute, network.port()
        self.port["fixed_ips"] = [{"subnet_id": s["id"], "ip_address": ADDRESSES[s["ip_version"]]} for s in subnets]
        self.id = compute.server(imageRef=IMAGE_ID, networks=[{"port": self.port["id"]}], config_drive=True)["id"]

    def get(self, path: str) -> Any:
        key = host_secret("for tests", "host1")
        signature = hmac.new(key.encode(), self.id.encode(), hashlib.sha256).hexdigest()
        return self.compute.client.get(
            f"/metadata/openstack/{path}",
            anonymous=True,
            headers={"X-Instance-ID": self.id, "X-Instance-ID-Signature": signature, "X-Metadata-Host": "host1"},
        )

    def both(self) -> dict[str, Any]:
        served = self.get("latest/network_data.json").json
        drive = describe_with_config_drive(self.compute.tools, self.id).config_drive
        assert drive and json.loads(drive["openstack/latest/network_data.json"]) == served
        return dict(served)


def test_dhcp_leaves_the_rest_to_the_network(compute: ComputeFixture, network: Any) -> None:
    guest = Guest(compute, network, V4)
    link = f"tap{guest.port['id'][:11]}"
    assert guest.both() == {
        "links": [
            {
                "id": link,
                "vif_id": guest.port["id"],
                "type": "bridge",
                "mtu": None,
                "ethernet_mac_address": guest.port["mac_address"],
            }
        ],
        "networks": [{"id": "network0", "type": "ipv4_dhcp", "link": link, "network_id": NETWORK_ID}],
        "services": [{"type": "dns", "address": "10.0.0.2"}],
    }


def test_without_dhcp_everything_is_told(compute: ComputeFixture, network: Any) -> None:
    guest = Guest(compute, network, V4 | {"enable_dhcp": False})
    found = guest.both()
    assert found["links"][0]["mtu"] == 1450
    assert found["networks"] == [
        {
            "id": "network0",
            "type": "ipv4",
            "link": found["links"][0]["id"],
            "network_id": NETWORK_ID,
            "ip_address": "10.0.0.5",
            "netmask": "255.255.255.0",
            "services": [{"type": "dns", "address": "10.0.0.2"}],
            "routes": [
                {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"},
                {"network": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.9"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"ipv6_address_mode": "slaac"}, "ipv6_slaac"),
        ({"ipv6_address_mode": "dhcpv6-stateful"}, "ipv6_dhcpv6-stateful"),
        ({"ipv6_address_mode": "dhcpv6-stateless"}, "ipv6_dhcpv6-stateless"),
        ({}, "ipv6_dhcp"),
        ({"enable_dhcp": False}, "ipv6"),
    ],
)
def test_each_way_of_ipv6_has_its_name(
    compute: ComputeFixture, network: Any, change: dict[str, Any], kind: str
) -> None:
    four, six = Guest(compute, network, V4, V6 | change).both()["networks"]
    assert four["type"] == "ipv4_dhcp" and six["type"] == kind
    assert ("ip_address" in six) == (kind != "ipv6_dhcp")


def test_files_are_those_of_their_version(compute: ComputeFixture, network: Any) -> None:
    guest = Guest(compute, network, V4)
    drive = describe_with_config_drive(compute.tools, guest.id).config_drive or {}
    for version, names in (
        ("2012-08-10", {"meta_data.json"}),
        ("2013-04-04", {"meta_data.json", "password"}),
        ("2015-10-15", {"meta_data.json", "password", "vendor_data.json", "network_data.json"}),
    ):
        assert set(guest.get(version).text.split()) == names
        assert guest.get(f"{version}/vendor_data2.json").status_code == 404
        told = {path.rpartition("/")[2] for path in drive if path.startswith(f"openstack/{version}/")}
        assert told == names - {"password"}
    assert "devices" not in guest.get("2012-08-10/meta_data.json").json
    assert guest.get("2020-10-14/meta_data.json").json["dedicated_cpus"] == []
    assert "ec2/1.0/meta-data.json" in drive


def test_a_signature_that_is_no_ascii_is_wrong(compute: ComputeFixture) -> None:
    answer = compute.client.get(
        "/metadata/openstack",
        anonymous=True,
        headers={"X-Instance-ID": "\xfc", "X-Instance-ID-Signature": "\xfcber", "X-Metadata-Host": "\xfc"},
    )
    assert answer.status_code == 403
