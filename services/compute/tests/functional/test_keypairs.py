"""Keypairs of users."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


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


SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZ8nQmRrKkWqkD8cQkFYb3S7m6aVJt6Xx3Qh0l0mYl8 x"


def make(compute: ComputeFixture, version: str = "2.1", as_: Any = None, **fields: Any) -> Any:
    keypair = {"name": "k", "public_key": SSH} | fields
    return compute.client.post("/v2.1/os-keypairs", json={"keypair": keypair}, version=version, as_=as_)


@pytest.mark.parametrize(
    ("version", "fields", "status"),
    [
        ("2.1", {}, 200),
        ("2.2", {}, 201),
        ("2.1", {"type": "ssh"}, 400),
        ("2.2", {"type": "ssh"}, 201),
        ("2.2", {"type": "pgp"}, 400),
        ("2.9", {"user_id": "u-member"}, 400),
        ("2.10", {"user_id": "u-member"}, 201),
        ("2.10", {"user_id": "u-other"}, 403),
        ("2.91", {"name": "a.b"}, 400),
        ("2.92", {"name": "a.b"}, 201),
        ("2.92", {"name": "a/b"}, 400),
        ("2.1", {"public_key": "ssh-rsa"}, 400),
        ("2.1", {"public_key": "ssh-rsa AAAA"}, 400),
        ("2.2", {"public_key": SSH, "type": "x509"}, 400),
    ],
)
def test_what_a_keypair_may_be(compute: ComputeFixture, version: str, fields: dict[str, Any], status: int) -> None:
    assert make(compute, version, **fields).status_code == status


def test_a_pair_is_generated_until_2_91(compute: ComputeFixture) -> None:
    post = compute.client.post
    for kind, begin in (("ssh", "-----BEGIN RSA"), ("x509", "-----BEGIN PRIVATE")):
        made = post("/v2.1/os-keypairs", json={"keypair": {"name": kind, "type": kind}}, version="2.2").json["keypair"]
        assert made["private_key"].startswith(begin) and made["fingerprint"].count(":") in (15, 19)
    assert post("/v2.1/os-keypairs", json={"keypair": {"name": "z"}}, version="2.92").status_code == 400


def test_keypairs_are_counted(compute: ComputeFixture) -> None:
    limit = {"quota_set": {"key_pairs": 1}}
    compute.client.put("/v2.1/os-quota-sets/p1", json=limit, as_=compute.book.admin)
    assert make(compute).status_code == 200
    refused = make(compute, name="other")
    assert refused.status_code == 403 and "too many key pairs" in refused.text


def test_pages_and_owners(compute: ComputeFixture) -> None:
    for name in ("a", "b", "c"):
        make(compute, name=name)
    page = compute.client.get("/v2.1/os-keypairs?limit=2", version="2.35").json
    assert [k["keypair"]["name"] for k in page["keypairs"]] == ["a", "b"] and page["keypairs_links"]
    rest = compute.client.get("/v2.1/os-keypairs?marker=b", version="2.35").json
    assert [k["keypair"]["name"] for k in rest["keypairs"]] == ["c"]
    assert len(compute.client.get("/v2.1/os-keypairs?limit=2", version="2.34").json["keypairs"]) == 3
    assert compute.client.get("/v2.1/os-keypairs?marker=zz", version="2.35").status_code == 400
    admin = compute.book.admin
    assert (
        len(compute.client.get("/v2.1/os-keypairs?user_id=u-member", as_=admin, version="2.10").json["keypairs"]) == 3
    )
    assert compute.client.get("/v2.1/os-keypairs?user_id=u-admin", version="2.10").status_code == 403
    assert compute.client.get("/v2.1/os-keypairs/zz").status_code == 404
    assert compute.client.delete("/v2.1/os-keypairs/zz").status_code == 404
    assert compute.client.delete("/v2.1/os-keypairs/a").status_code == 202
