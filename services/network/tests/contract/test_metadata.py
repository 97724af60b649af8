"""Metadata: a guest is identified by where its request arrives, whatever the request says."""

import hashlib
import hmac
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pileus_network import rpc

SECRET = "s3cret"


@pytest.fixture
def served(host, cloud, words):
    """Two tenants' networks with the same addresses, a server in each, and an agent that serves metadata on both."""
    group = cloud.group(*words.ALL)
    servers = []
    for project in ("red", "blue"):
        network = cloud.network("10.5.0.0/24")
        cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER, project_id=project)
        servers.append(cloud.port(network, "10.5.0.11", project_id=project, security_groups=(group.id,)))
    host.run(sys.executable, str(Path(__file__).with_name("compute_server.py")), "8774")
    report = host.agent(cloud.state, metadata_url="http://127.0.0.1:8774/metadata", metadata_secret=SECRET)
    assert not report.failures
    words.eventually(lambda: ":8774" in host.sh("ss -Htln"))
    return servers


def ask(guest, path="/openstack/latest/meta_data.json", *options):
    out = guest.sh(f'curl -sS --max-time 10 --noproxy "*" {" ".join(options)} http://169.254.169.254{path}')
    return json.loads(out)


def test_each_server_gets_its_own_metadata(host, cloud, served):
    seen = []
    for port in served:
        guest = host.guest(port)
        guest.dhcp()
        answer = ask(guest, "/openstack/latest/meta_data.json", '-H "X-Instance-ID: other"', '-H "X-Tenant-ID: other"')
        headers = answer["headers"]
        assert answer["path"] == "/metadata/openstack/latest/meta_data.json"
        assert (headers["x-instance-id"], headers["x-tenant-id"]) == (port.device_id, port.project_id)
        assert (
            headers["x-instance-id-signature"]
            == hmac.new(SECRET.encode(), port.device_id.encode(), hashlib.sha256).hexdigest()
        )
        assert headers["x-metadata-host"] == cloud.state.host
        assert headers["x-forwarded-for"] == "10.5.0.11"
        seen.append(headers["x-instance-id"])
    assert len(set(seen)) == 2


def test_a_guest_may_post_and_may_be_slow(host, served):
    fast, slow = host.guest(served[0]), host.guest(served[1])
    fast.dhcp()
    slow.dhcp()
    stuck = [slow.start("busybox", "nc", "169.254.169.254", "80") for _ in range(8)]
    for one in stuck:
        one.stdin.write(b"GET /latest HTTP/1.1\r\n")
        one.stdin.flush()
    answer = ask(fast, "/openstack/latest/password", "-d pass=word")
    assert answer["method"] == "POST" and answer["body"] == "pass=word"
    stuck[0].stdin.write(b"Host: x\r\n\r\n")
    stuck[0].stdin.flush()
    assert b"200" in stuck[0].stdout.readline()


def test_a_guest_without_a_port_gets_nothing(host, served):
    guest = host.guest(served[0])
    guest.dhcp()
    host.want(replace(cloud_without(host, served), generation=2))
    assert (
        guest.sh(
            "curl -s -o /dev/null -w %{http_code} --max-time 5 http://169.254.169.254/latest/meta-data/", check=False
        )
        != "200"
    )


def cloud_without(host, served):
    return rpc.HostState("h1", 2)


@pytest.fixture
def routed(host, cloud, words):
    """Two networks without DHCP behind one router that also has a gateway, another tenant's with the same addresses."""
    group = cloud.group(*words.ALL)

    def plain(cidr):
        gateway = cidr.rsplit(".", 1)[0] + ".1"
        return cloud.network(subnets=(rpc.Subnet(cloud.id(), cidr, 4, gateway, False),))

    networks = [plain("10.5.0.0/24"), plain("10.6.0.0/24")]
    public = cloud.network("172.24.4.0/24", kind="flat", physical_network="public", segment=None)
    router_id, other_id = cloud.id(), cloud.id()
    legs = [
        cloud.port(network, f"10.{n}.0.1", owner=rpc.INTERFACE_OWNER, device=router_id)
        for network, n in zip(networks, (5, 6), strict=True)
    ]
    gateway = cloud.port(public, "172.24.4.5", owner=rpc.GATEWAY_OWNER, device=router_id)
    cloud.router(*legs, gateway=gateway, id=router_id)
    twin = plain("10.5.0.0/24")
    leg = cloud.port(twin, "10.5.0.1", owner=rpc.INTERFACE_OWNER, device=other_id)
    cloud.router(leg, id=other_id)
    servers = [
        cloud.port(network, f"{prefix}.11", project_id=project, security_groups=(group.id,))
        for network, prefix, project in (
            (networks[0], "10.5.0", "red"),
            (networks[1], "10.6.0", "red"),
            (twin, "10.5.0", "blue"),
            (public, "172.24.4", "green"),
        )
    ]
    host.run(sys.executable, str(Path(__file__).with_name("compute_server.py")), "8774")
    report = host.agent(cloud.state, metadata_url="http://127.0.0.1:8774/metadata", metadata_secret=SECRET)
    assert not report.failures
    words.eventually(lambda: ":8774" in host.sh("ss -Htln"))
    return servers


def test_the_router_answers_guests_without_dhcp(host, routed):
    """Each guest configures itself, and sends requests to the metadata address to its router."""
    for port in routed[:3]:
        guest = host.guest(port)
        guest.use(gateway=port.fixed_ips[0].address.rsplit(".", 1)[0] + ".1")
        headers = ask(guest)["headers"]
        assert (headers["x-instance-id"], headers["x-tenant-id"]) == (port.device_id, port.project_id)


def test_the_router_answers_no_request_from_outside(host, routed):
    """The router doesn't answer the external network, other guests' addresses, or anything but HTTP."""
    outside = host.guest(routed[3])
    outside.use(gateway="172.24.4.5")
    answer = 'curl -s -o /dev/null -w "%{http_code}" --max-time 4 --noproxy "*" http://169.254.169.254/latest/'
    assert outside.sh(answer, check=False) == "000"
    guest = host.guest(routed[0])
    guest.use(gateway="10.5.0.1")
    assert not guest.pings("169.254.169.254", 1)
    assert not guest.works("busybox arping -c 2 -w 3 -I eth0 169.254.169.254"), "no network has the address"
    assert ask(guest)["headers"]["x-instance-id"] == routed[0].device_id
