"""Security groups, networks, floating IPs, volumes and snapshots as compute showed them until 2.35."""

from typing import Any

import pytest

NOWHERE = "99999999-9999-4999-8999-999999999999"
GROUPS, RULES = "/v2.1/os-security-groups", "/v2.1/os-security-group-rules"


def make_rule(cloud: Any, group: str, **fields: Any) -> Any:
    return cloud.compute.client.post(RULES, json={"security_group_rule": {"parent_group_id": group} | fields})


def test_security_groups(lasting_cloud: Any) -> None:
    client = lasting_cloud.compute.client
    new = {"security_group": {"name": "web", "description": "d"}}
    group = client.post(GROUPS, json=new).json["security_group"]
    path = f"{GROUPS}/{group['id']}"
    renamed = {"security_group": {"name": "www", "description": "e"}}
    assert client.put(path, json=renamed).json["security_group"]["name"] == "www"
    assert client.get(path).json["security_group"]["description"] == "e"
    names = [g["name"] for g in client.get(GROUPS).json["security_groups"]]
    assert names == ["default", "www"]
    assert client.get(f"{GROUPS}?all_tenants=1", as_=lasting_cloud.book.admin).status_code == 200
    made = make_rule(lasting_cloud, group["id"], ip_protocol="tcp", from_port=80, to_port="81", cidr="10.0.0.0/8")
    rule = made.json["security_group_rule"]
    assert (rule["from_port"], rule["to_port"], rule["ip_range"]) == (80, 81, {"cidr": "10.0.0.0/8"})
    by_group = make_rule(lasting_cloud, group["id"], ip_protocol="icmp", from_port=-1, to_port=-1, group_id=group["id"])
    assert by_group.json["security_group_rule"]["group"]["name"] == "www"
    assert client.delete(f"{RULES}/{rule['id']}").status_code == 202
    assert client.delete(path).status_code == 202 and client.get(path).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"ip_protocol": "sctp"},
        {"ip_protocol": "tcp"},
        {"ip_protocol": "tcp", "from_port": 2, "to_port": 1},
        {"from_port": 1, "to_port": 2},
        {"cidr": "10.0.0.0/99"},
        {"ip_protocol": "tcp", "from_port": "x", "to_port": 1},
    ],
)
def test_rules_are_refused(lasting_cloud: Any, fields: dict[str, Any]) -> None:
    default = lasting_cloud.compute.client.get(GROUPS).json["security_groups"][0]["id"]
    assert make_rule(lasting_cloud, default, **fields).status_code == 400


def test_security_groups_are_refused(lasting_cloud: Any) -> None:
    client = lasting_cloud.compute.client
    default = next(g for g in client.get(GROUPS).json["security_groups"] if g["name"] == "default")
    assert client.delete(f"{GROUPS}/{default['id']}").status_code in (400, 409)
    assert client.post(GROUPS, json={"security_group": {"name": " ", "description": ""}}).status_code == 400
    for path in (f"{GROUPS}/{NOWHERE}", f"{GROUPS}/a.b"):
        assert client.get(path).status_code == 404
        assert client.delete(path).status_code == 404
    assert client.delete(f"{RULES}/{NOWHERE}").status_code == 404
    assert client.get(GROUPS, version="2.36").status_code == 404
    double = {"ip_protocol": "tcp", "from_port": 22, "to_port": 22}
    assert make_rule(lasting_cloud, default["id"], **double).status_code == 200
    assert make_rule(lasting_cloud, default["id"], **double).status_code == 400


@pytest.mark.parametrize("kind", ["os-networks", "os-tenant-networks"])
def test_networks(lasting_cloud: Any, kind: str) -> None:
    client = lasting_cloud.compute.client
    made = lasting_cloud.network.made("network", {"name": f"n-{kind}"}, as_=lasting_cloud.book.member)
    listed = client.get(f"/v2.1/{kind}").json["networks"]
    assert {"id": made["id"], "label": f"n-{kind}", "cidr": None} in listed
    assert client.get(f"/v2.1/{kind}/{made['id']}").json["network"]["label"] == f"n-{kind}"
    assert client.get(f"/v2.1/{kind}/{NOWHERE}").status_code == 404
    assert client.get(f"/v2.1/{kind}", version="2.36").status_code == 404


def test_floating_ips(lasting_cloud: Any) -> None:
    client, path = lasting_cloud.compute.client, "/v2.1/os-floating-ips"
    lasting_cloud.network.public()
    pools = [p["name"] for p in client.get("/v2.1/os-floating-ip-pools").json["floating_ip_pools"]]
    ip = client.post(path, json={"pool": pools[0]}).json["floating_ip"]
    assert ip["pool"] == pools[0] and ip["instance_id"] is None
    assert client.get(path).json["floating_ips"] == [ip]
    assert client.get(f"{path}/{ip['id']}").json["floating_ip"] == ip
    assert client.post(path, json={"pool": "mars"}).status_code == 404
    assert client.get(f"{path}/{NOWHERE}").status_code == 404
    assert client.delete(f"{path}/{ip['id']}").status_code == 202
    assert client.delete(f"{path}/{ip['id']}").status_code == 404
    assert client.get(path, version="2.36").status_code == 404


def test_volumes_and_snapshots(lasting_cloud: Any) -> None:
    client, volumes, snapshots = lasting_cloud.compute.client, "/v2.1/os-volumes", "/v2.1/os-snapshots"
    made = client.post(volumes, json={"volume": {"size": 1, "display_name": "v", "metadata": {"a": "b"}}})
    assert made.status_code == 200 and made.headers["Location"].endswith(made.json["volume"]["id"])
    lasting_cloud.volume.drain()
    volume = made.json["volume"]["id"]
    shown = client.get(f"{volumes}/{volume}").json["volume"]
    assert (shown["displayName"], shown["metadata"], shown["attachments"]) == ("v", {"a": "b"}, [{}])
    for path in (volumes, f"{volumes}/detail"):
        assert volume in [v["id"] for v in client.get(path).json["volumes"]]
    assert client.get(f"{volumes}?offset=1").json["volumes"] == []
    new = {"snapshot": {"volume_id": volume, "display_name": "s", "force": "true"}}
    snapshot = client.post(snapshots, json=new).json["snapshot"]["id"]
    lasting_cloud.volume.drain()
    assert client.get(f"{snapshots}/{snapshot}").json["snapshot"]["volumeId"] == volume
    for path in (snapshots, f"{snapshots}/detail"):
        assert [s["displayName"] for s in client.get(path).json["snapshots"]] == ["s"]
    assert client.delete(f"{snapshots}/{snapshot}").status_code == 202
    lasting_cloud.volume.drain()
    assert client.delete(f"{volumes}/{volume}").status_code == 202
    lasting_cloud.volume.drain()
    for path in (f"{volumes}/{volume}", f"{snapshots}/{snapshot}"):
        assert client.get(path).status_code == client.delete(path).status_code == 404
    assert client.post(volumes, json={"volume": {"size": 0}}).status_code == 400
    assert client.get(volumes, version="2.36").status_code == client.get(snapshots, version="2.36").status_code == 404
