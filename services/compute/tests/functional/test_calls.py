"""The smaller nouns, each through HTTP."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from sqlalchemy import select

from pileus_compute.db.models import Job
from pileus_compute.testing import ComputeFixture
from pileus_kit.flow.jobs import alive

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def test_flavors(compute: ComputeFixture) -> None:
    admin, client = compute.book.admin, compute.client
    wish = {"name": "big", "ram": 512, "vcpus": 2, "disk": 10, "id": "b1", "os-flavor-access:is_public": False}
    made = client.post("/v2.1/flavors", json={"flavor": wish}, as_=admin)
    assert made.status_code == 200 and made.json["flavor"]["ram"] == 512
    assert client.post("/v2.1/flavors", json={"flavor": wish}, as_=admin).status_code == 409
    assert client.post("/v2.1/flavors", json={"flavor": {**wish, "colour": 1}}, as_=admin).status_code == 400
    assert client.get("/v2.1/flavors/b1", as_=compute.book.other).status_code == 404
    grant = {"addTenantAccess": {"tenant": "p2"}}
    access = client.post("/v2.1/flavors/b1/action", json=grant, as_=admin)
    assert access.json["flavor_access"] == [{"flavor_id": "b1", "tenant_id": "p2"}]
    assert client.get("/v2.1/flavors/b1", as_=compute.book.other).status_code == 200
    client.post("/v2.1/flavors/b1/os-extra_specs", json={"extra_specs": {"hw:cpu_policy": "shared"}}, as_=admin)
    shown = client.get("/v2.1/flavors/b1", as_=admin, version="2.61").json["flavor"]
    assert shown["extra_specs"] == {"hw:cpu_policy": "shared"} and shown["description"] is None
    assert client.delete("/v2.1/flavors/b1/os-extra_specs/hw:cpu_policy", as_=admin).status_code == 200
    listed = client.get("/v2.1/flavors/detail?minRam=100", as_=admin).json["flavors"]
    assert listed == []  # an admin sees the public ones unless asked otherwise
    assert [f["id"] for f in client.get("/v2.1/flavors?is_public=None&limit=1", as_=admin).json["flavors"]] == ["1"]
    assert client.delete("/v2.1/flavors/b1", as_=admin).status_code == 202


def test_keypairs(compute: ComputeFixture) -> None:
    client = compute.client
    made = client.post("/v2.1/os-keypairs", json={"keypair": {"name": "k1"}}, version="2.79")
    assert made.status_code == 201 and "BEGIN RSA PRIVATE KEY" in made.json["keypair"]["private_key"]
    public = made.json["keypair"]["public_key"]
    again = client.post("/v2.1/os-keypairs", json={"keypair": {"name": "k1", "public_key": public}}, version="2.79")
    assert again.status_code == 409 and again.json["conflictingRequest"]["message"] == "Key pair 'k1' already exists."
    bad = client.post("/v2.1/os-keypairs", json={"keypair": {"name": "k2", "public_key": "ssh-rsa nonsense"}})
    assert bad.status_code == 400
    x509 = client.post("/v2.1/os-keypairs", json={"keypair": {"name": "w", "type": "x509"}}, version="2.79")
    assert "BEGIN CERTIFICATE" in x509.json["keypair"]["public_key"]
    assert client.post("/v2.1/os-keypairs", json={"keypair": {"name": "new"}}, version="2.92").status_code == 400
    assert [k["keypair"]["name"] for k in client.get("/v2.1/os-keypairs").json["keypairs"]] == ["k1", "w"]
    assert client.get("/v2.1/os-keypairs/k1", as_=compute.book.other).status_code == 404
    server = compute.server(imageRef=IMAGE_ID, key_name="k1")
    assert server["key_name"] == "k1"
    assert client.delete("/v2.1/os-keypairs/k1", version="2.79").status_code == 204


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flavorRef": "nope"}, "Flavor nope could not be found"),
        ({"imageRef": "99999999-9999-4999-8999-999999999999"}, "could not be found"),
        ({"key_name": "nope"}, "Invalid key_name provided"),
        ({"networks": [{"uuid": "99999999-9999-4999-8999-999999999999"}]}, "Network 99999999"),
        ({"networks": [{"port": "99999999-9999-4999-8999-999999999999"}]}, "Port id 99999999"),
        ({"colour": "red"}, "Additional properties are not allowed"),
        ({"name": ""}, "name"),
        ({"user_data": "not base64!"}, "user_data"),
        ({"min_count": 3, "max_count": 2}, "min_count must be <= max_count"),
        ({"imageRef": ""}, "Block Device Mapping is Invalid"),
        ({"availability_zone": "mars"}, "The requested availability zone is not available"),
        ({"security_groups": [{"name": "nope"}], "networks": "auto"}, "Security group nope not found"),
        ({"metadata": {"k": 1}}, "metadata"),
    ],
)
def test_bad_servers_are_refused(compute: ComputeFixture, network: Any, change: dict[str, Any], message: str) -> None:
    body = {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"} | change
    answer = compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")
    assert answer.status_code == 400, answer.text
    assert answer.json["badRequest"]["code"] == 400 and message in answer.json["badRequest"]["message"]
    assert not compute.rung and not network.ports
    assert compute.client.get("/v2.1/servers").json == {"servers": []}


def test_small_flavors_are_refused(compute: ComputeFixture, image: Any) -> None:
    image.add("55555555-5555-4555-8555-555555555555", min_ram=1024)
    body = {"name": "x", "flavorRef": "1", "imageRef": "55555555-5555-4555-8555-555555555555"}
    answer = compute.client.post("/v2.1/servers", json={"server": body})
    assert answer.status_code == 400 and "memory is too small" in answer.text


def test_quota(compute: ComputeFixture) -> None:
    admin, client = compute.book.admin, compute.client
    put = client.put("/v2.1/os-quota-sets/p1", json={"quota_set": {"instances": 1}}, as_=admin)
    assert put.status_code == 200 and put.json["quota_set"]["instances"] == 1
    compute.server(imageRef=IMAGE_ID)
    body = {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"}
    refused = client.post("/v2.1/servers", json={"server": body}, version="2.79")
    assert refused.status_code == 403
    message = refused.json["forbidden"]["message"]
    assert message.startswith("Quota exceeded for instances: Requested 1, but already used 1")
    limits = client.get("/v2.1/limits").json["limits"]["absolute"]
    assert limits["totalInstancesUsed"] == 1 and limits["maxTotalInstances"] == 1
    detail = client.get("/v2.1/os-quota-sets/p1/detail").json["quota_set"]
    assert detail["instances"] == {"limit": 1, "in_use": 1, "reserved": 0}
    assert client.get("/v2.1/os-quota-sets/p1", as_=compute.book.other).status_code == 403
    assert client.delete("/v2.1/os-quota-sets/p1", as_=admin).status_code == 202
    assert client.get("/v2.1/os-quota-sets/p1").json["quota_set"]["instances"] == 10


def test_several_at_once(compute: ComputeFixture) -> None:
    body = {
        "name": "x",
        "flavorRef": "1",
        "imageRef": IMAGE_ID,
        "networks": "none",
        "min_count": 2,
        "max_count": 3,
        "return_reservation_id": True,
    }
    made = compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")
    assert made.status_code == 202 and made.json["reservation_id"].startswith("r-")
    compute.drain()
    listed = compute.client.get("/v2.1/servers/detail?sort_key=display_name&sort_dir=asc").json["servers"]
    assert [(s["name"], s["status"]) for s in listed] == [(f"x-{i}", "ACTIVE") for i in (1, 2, 3)]
    first = compute.client.get("/v2.1/servers?limit=2&sort_key=display_name&sort_dir=asc").json
    assert len(first["servers"]) == 2 and first["servers_links"][0]["rel"] == "next"
    path = first["servers_links"][0]["href"].partition("localhost")[2]
    assert [s["name"] for s in compute.client.get(path).json["servers"]] == ["x-3"]


def test_filters(compute: ComputeFixture) -> None:
    one = compute.server(imageRef=IMAGE_ID, name="alpha-1", networks=[{"uuid": NETWORK_ID}], tags=["red", "blue"])
    compute.server(imageRef=IMAGE_ID, name="beta")
    compute.act(one["id"], "os-stop")

    def names(query: str, **kwargs: Any) -> list[str]:
        answer = compute.client.get(f"/v2.1/servers?{query}", version="2.83", **kwargs)
        assert answer.status_code == 200, answer.text
        return sorted(s["name"] for s in answer.json["servers"])

    assert names("name=alph") == ["alpha-1"] and names("name=^b") == ["beta"]
    assert names("status=SHUTOFF") == ["alpha-1"]
    assert names("tags=red,blue") == ["alpha-1"] and names("not-tags=red") == ["beta"]
    address = one["addresses"]["private"][0]["addr"]
    assert names(f"ip={address}") == ["alpha-1"]
    assert names("flavor=1") == ["alpha-1", "beta"] and names("vm_state=active") == ["beta"]
    assert names("changes-since=2000-01-01T00:00:00Z") == ["alpha-1", "beta"]
    assert names("all_tenants=1", as_=compute.book.admin) == ["alpha-1", "beta"]
    assert names("", as_=compute.book.other) == []
    assert compute.client.get("/v2.1/servers?all_tenants=1").status_code == 403
    for bad in ("limit=-1", "marker=nope", "changes-since=yesterday", "sort_key=secret", "name=(a"):
        assert compute.client.get(f"/v2.1/servers?{bad}").status_code == 400, bad


def test_locks(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "lock", {"locked_reason": "mine"})
    assert compute.show(server)["locked_reason"] == "mine"
    compute.act(server, "os-stop", status=409)
    assert compute.client.delete(f"/v2.1/servers/{server}").status_code == 409
    compute.act(server, "unlock")
    compute.act(server, "os-stop")


def test_metadata_tags_and_updates(compute: ComputeFixture) -> None:
    client, server = compute.client, compute.server(imageRef=IMAGE_ID, metadata={"a": "1"})["id"]
    path = f"/v2.1/servers/{server}"
    assert client.post(f"{path}/metadata", json={"metadata": {"b": "2"}}).json["metadata"] == {"a": "1", "b": "2"}
    assert client.put(f"{path}/metadata/b", json={"meta": {"b": "3"}}).json["meta"] == {"b": "3"}
    assert client.put(f"{path}/metadata/b", json={"meta": {"c": "3"}}).status_code == 400
    assert client.delete(f"{path}/metadata/zz").status_code == 404
    assert client.put(f"{path}/metadata", json={"metadata": {}}).json["metadata"] == {}
    assert client.put(f"{path}/tags/x", version="2.79").status_code == 201
    assert client.put(f"{path}/tags", json={"tags": ["p", "q"]}, version="2.79").json["tags"] == ["p", "q"]
    assert client.get(f"{path}/tags").status_code == 404  # not before 2.26
    renamed = client.put(path, json={"server": {"name": "other", "accessIPv4": "192.0.2.1"}}, version="2.79")
    assert renamed.json["server"]["name"] == "other" and renamed.json["server"]["accessIPv4"] == "192.0.2.1"


def test_actions_are_on_record(compute: ComputeFixture) -> None:
    client, server = compute.client, compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "os-stop")
    path = f"/v2.1/servers/{server}/os-instance-actions"
    rows = client.get(path, version="2.79").json["instanceActions"]
    assert [a["action"] for a in rows] == ["stop", "create"]
    one = client.get(f"{path}/{rows[1]['request_id']}", version="2.79").json["instanceAction"]
    assert one["events"][0]["event"] == "compute_select_host" and one["events"][0]["result"] == "Success"
    client.delete(f"/v2.1/servers/{server}")
    compute.drain()
    assert client.get(path, version="2.79").json["instanceActions"][0]["action"] == "delete"
    assert client.get(path, version="2.1").status_code == 404
    usage = client.get("/v2.1/os-simple-tenant-usage/p1").json["tenant_usage"]
    assert usage["server_usages"][0]["state"] == "deleted"


def test_hosts(compute: ComputeFixture) -> None:
    admin, client = compute.book.admin, compute.client
    compute.server(imageRef=IMAGE_ID)
    (one,) = client.get("/v2.1/os-hypervisors/detail", as_=admin).json["hypervisors"]
    assert one["vcpus_used"] == 1 and one["running_vms"] == 1 and one["hypervisor_hostname"] == "host1"
    (new,) = client.get("/v2.1/os-hypervisors?with_servers=true", as_=admin, version="2.79").json["hypervisors"]
    assert len(new["servers"]) == 1 and len(new["id"]) == 36
    (service,) = client.get("/v2.1/os-services", as_=admin, version="2.79").json["services"]
    off = client.put(
        f"/v2.1/os-services/{service['id']}",
        as_=admin,
        version="2.79",
        json={"status": "disabled", "disabled_reason": "repair"},
    )
    assert off.json["service"]["disabled_reason"] == "repair"
    server = compute.server(imageRef=IMAGE_ID)
    assert server["status"] == "ERROR" and "host1 is disabled (repair)" in server["fault"]["message"]
    zones = client.get("/v2.1/os-availability-zone").json["availabilityZoneInfo"]
    assert zones == [{"zoneName": "nova", "zoneState": {"available": False}, "hosts": None}]


def test_aggregates_make_zones(compute: ComputeFixture) -> None:
    admin, client = compute.book.admin, compute.client
    made = client.post("/v2.1/os-aggregates", json={"aggregate": {"name": "a", "availability_zone": "z1"}}, as_=admin)
    path = f"/v2.1/os-aggregates/{made.json['aggregate']['id']}"
    added = client.post(f"{path}/action", json={"add_host": {"host": "host1"}}, as_=admin)
    assert added.json["aggregate"]["hosts"] == ["host1"]
    assert compute.server(imageRef=IMAGE_ID, availability_zone="z1")["OS-EXT-AZ:availability_zone"] == "z1"
    assert client.delete(path, as_=admin).status_code == 409
    assert client.post("/v2.1/os-aggregates", json={"aggregate": {"name": "a"}}, as_=admin).status_code == 409


def test_groups_keep_servers_apart(compute: ComputeFixture) -> None:
    compute.add_host("host2")
    made = compute.client.post(
        "/v2.1/os-server-groups", version="2.79", json={"server_group": {"name": "g", "policy": "anti-affinity"}}
    )
    group = made.json["server_group"]["id"]

    def create() -> dict[str, Any]:
        body = {
            "server": {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"},
            "os:scheduler_hints": {"group": group},
        }
        answer = compute.client.post("/v2.1/servers", json=body, version="2.79")
        compute.drain()
        return compute.show(answer.json["server"]["id"], as_=compute.book.admin)

    first, second, third = create(), create(), create()
    assert {first["OS-EXT-SRV-ATTR:host"], second["OS-EXT-SRV-ATTR:host"]} == {"host1", "host2"}
    assert third["status"] == "ERROR" and "group" in third["fault"]["message"]
    shown = compute.client.get(f"/v2.1/os-server-groups/{group}", version="2.79").json["server_group"]
    assert set(shown["members"]) == {first["id"], second["id"], third["id"]}


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


def test_floating_addresses_show_when_the_network_tells(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])
    (port,) = network.ports.values()
    network.floating("192.0.2.9", port["id"])
    event = {"name": "network-changed", "server_uuid": server["id"], "tag": port["id"]}
    told = compute.client.post("/v2.1/os-server-external-events", json={"events": [event]}, as_=compute.book.service)
    assert told.status_code == 200, told.text
    addresses = compute.show(server["id"])["addresses"]["private"]
    assert [(a["addr"], a["OS-EXT-IPS:type"]) for a in addresses][1] == ("192.0.2.9", "floating")
    assert compute.client.post("/v2.1/os-server-external-events", json={"events": [event]}).status_code == 403


def test_interfaces(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    path = f"/v2.1/servers/{server}/os-interface"
    with compute.working():
        made = compute.client.post(path, json={"interfaceAttachment": {"net_id": NETWORK_ID}}, version="2.79")
    assert made.status_code == 200, made.text
    port_id = made.json["interfaceAttachment"]["port_id"]
    assert port_id in compute.host.driver.guests_by_id[server].nics
    assert compute.show(server)["addresses"]["private"]
    assert compute.client.delete(f"{path}/{port_id}").status_code == 202
    compute.drain()
    assert not network.ports and not compute.host.driver.guests_by_id[server].nics
    assert compute.client.get(path).json == {"interfaceAttachments": []}


def test_a_new_server_shows_the_groups_that_its_ports_will_have(compute: ComputeFixture, network: Any) -> None:
    network.add("11111111-2222-4333-8444-555555555555", "open", port_security_enabled=False)
    open_one, guarded = {"uuid": "11111111-2222-4333-8444-555555555555"}, {"uuid": network.ID}
    port = {"port": network.port(security_groups=["g-web"])["id"]}

    def shown(networks: Any, **wish: Any) -> list[str]:
        server = compute.show(compute.server(imageRef=IMAGE_ID, networks=networks, **wish)["id"])
        return [group["name"] for group in server.get("security_groups", ())]

    assert shown([open_one]) == shown("none") == shown([open_one], security_groups=[{"name": "default"}]) == []
    assert shown([guarded, open_one]) == ["default"] and shown([guarded], security_groups=[{"name": "web"}]) == ["web"]
    assert shown([port, guarded]) == ["default", "web"]
    alone = {"port": network.port(security_groups=["g-web"])["id"]}
    assert shown([alone], security_groups=[{"name": "default"}]) == ["web"]
    refused = compute.client.post(
        "/v2.1/servers",
        json={
            "server": {
                "name": "s",
                "flavorRef": "1",
                "imageRef": IMAGE_ID,
                "networks": [open_one],
                "security_groups": [{"name": "web"}],
            }
        },
    )
    assert refused.status_code == 400 and "port_security_enabled" in refused.text


def test_security_groups_of_a_server(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])["id"]
    compute.act(server, "addSecurityGroup", {"name": "web"})
    (port,) = network.ports.values()
    assert port["security_groups"] == ["g-default", "g-web"]
    assert compute.show(server)["security_groups"] == [{"name": "default"}, {"name": "web"}]
    compute.act(server, "removeSecurityGroup", {"name": "web"})
    compute.act(server, "removeSecurityGroup", {"name": "web"}, status=404)


def test_a_server_that_is_deleted_just_after_it_was_unshelved_leaves_no_image(
    compute: ComputeFixture, image: Any
) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "shelve")
    assert len(image.images) == 2
    answer = compute.client.post(f"/v2.1/servers/{server}/action", json={"unshelve": None})
    assert answer.status_code == 202, answer.text
    with compute.sessions.read() as session:
        job = session.scalars(select(Job.id).where(Job.subject == server, alive(Job))).one()
    assert compute.runner.run(job) is None  # that job alone: what it leaves to be done waits
    assert compute.show(server)["status"] == "ACTIVE" and len(image.images) == 2
    assert compute.client.delete(f"/v2.1/servers/{server}").status_code == 204
    compute.drain()
    assert list(image.images) == [IMAGE_ID]


def test_rescue_console_and_password(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    text = compute.act(server, "os-getConsoleOutput", {"length": 10}, status=200).json["output"]
    assert "boot finished" in text
    compute.act(server, "changePassword", {"adminPass": "new"})
    rescued = compute.act(server, "rescue", {"adminPass": "r"}, status=200)
    assert rescued.json == {"adminPass": "r"} and compute.show(server)["status"] == "RESCUE"
    compute.act(server, "unrescue")
    assert compute.show(server)["status"] == "ACTIVE"
    compute.act(server, "os-resetState", {"state": "error"}, as_=compute.book.admin)
    assert compute.show(server)["status"] == "ERROR"
    compute.act(server, "os-resetState", {"state": "error"}, status=403)
    compute.act(server, "nonsense", status=400)


def test_a_delete_during_the_build_leaves_nothing(compute: ComputeFixture, network: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}], drain=False)
    assert server["status"] == "BUILD" and server["OS-EXT-STS:task_state"] == "scheduling"
    assert compute.client.delete(f"/v2.1/servers/{server['id']}").status_code == 204
    assert compute.show(server["id"])["OS-EXT-STS:task_state"] == "deleting"
    assert compute.client.delete(f"/v2.1/servers/{server['id']}").status_code == 204
    compute.drain()
    assert compute.client.get(f"/v2.1/servers/{server['id']}").status_code == 404
    assert not network.ports and not compute.host.driver.guests_by_id


def test_discovery(compute: ComputeFixture) -> None:
    root = compute.client.get("/", anonymous=True).json["versions"][1]
    assert (root["id"], root["min_version"]) == ("v2.1", "2.1")
    assert compute.client.get("/v2.1/", anonymous=True).json["version"]["status"] == "CURRENT"
    assert compute.client.get("/v2.1/servers", version="2.9999").status_code == 406
    assert compute.client.get("/v2.1/servers").headers["X-OpenStack-Nova-API-Version"] == "2.1"


def test_backups_rotate(compute: ComputeFixture, image: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for name in ("b1", "b2", "b3"):
        compute.act(server, "createBackup", {"name": name, "backup_type": "daily", "rotation": 2})
    assert sorted(i["name"] for i in image.images.values()) == ["b2", "b3", "test"]


def test_a_rebuild_shows_what_its_version_knows(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for version, shown in (("2.53", set()), ("2.54", {"key_name"}), ("2.57", {"key_name", "user_data"})):
        view = compute.act(server, "rebuild", {"imageRef": IMAGE_ID}, version=version).json["server"]
        assert shown == view.keys() & {"key_name", "user_data", "OS-EXT-AZ:availability_zone"}, version
