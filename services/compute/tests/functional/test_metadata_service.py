"""What guests read at the metadata service, and which hosts may ask for them."""

import base64
import hashlib
import hmac
from typing import Any

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def test_the_metadata_service(compute: ComputeFixture, network: Any) -> None:
    user_data = base64.b64encode(b"#!/bin/sh\n").decode()
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}], user_data=user_data)["id"]
    headers = vouched(server, "host1")

    def get(path: str) -> Any:
        return compute.client.get(f"/metadata/{path}", headers=headers, anonymous=True)

    assert get("openstack/latest/meta_data.json").json["uuid"] == server
    assert get("openstack/latest/user_data").data == b"#!/bin/sh\n"
    assert get("openstack/latest/network_data.json").json["networks"][0]["ip_address"].startswith("10.0.0.")
    assert get("latest/meta-data/local-ipv4").text.startswith("10.0.0.")
    assert "placement/" in get("latest/meta-data/").text
    assert get("latest/nonsense").status_code == 404
    headers["X-Instance-ID-Signature"] = "0" * 64
    assert get("openstack/latest/meta_data.json").status_code == 403
    headers["X-Instance-ID-Signature"] = "\xe9"
    assert get("openstack/latest/meta_data.json").status_code == 403


def vouched(server: str, host: str, secret: str = "for tests") -> dict[str, str]:
    """The headers with which the network's agent on `host` asks for a server."""
    key = hmac.new(secret.encode(), host.encode(), hashlib.sha256).hexdigest()
    signature = hmac.new(key.encode(), server.encode(), hashlib.sha256).hexdigest()
    return {"X-Instance-ID": server, "X-Tenant-ID": "p1", "X-Instance-ID-Signature": signature, "X-Metadata-Host": host}


def test_a_host_reads_the_metadata_of_its_own_servers_only(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])["id"]

    def status(headers: dict[str, str]) -> int:
        answer = compute.client.get("/metadata/openstack/latest/meta_data.json", headers=headers, anonymous=True)
        return int(answer.status_code)

    assert status(vouched(server, "host1")) == 200
    assert status(vouched(server, "host2")) == 404, "it runs elsewhere"
    assert status(vouched(server, "host2") | {"X-Metadata-Host": "host1"}) == 403, "host2's secret is not host1's"
    assert status({key: value for key, value in vouched(server, "host1").items() if key != "X-Metadata-Host"}) == 403
    network.port(device_owner="network:dhcp", **{"binding:host_id": "host2"})
    assert status(vouched(server, "host2")) == 200, "it does DHCP for the guest's network"
