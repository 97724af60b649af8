"""EC2 credentials and the tokens for requests signed with them."""

import base64
import hashlib
import hmac

import pytest

DEMO = {"project": {"name": "demo", "domain": {"id": "default"}}}


@pytest.fixture
def me(cloud):
    return cloud.id("users", "demo")


def access_key(cloud, me):
    made = cloud.post(f"/v3/users/{me}/credentials/OS-EC2", {"tenant_id": cloud.id("projects", "demo")}, "demo")
    assert made.status_code == 201
    return made.json["credential"]


def by_credential(cloud, made, secret=None, **more):
    given = {"id": made["id"], "secret": secret or made["secret"]} | more
    return cloud.post(
        "/v3/auth/tokens",
        {"auth": {"identity": {"methods": ["application_credential"], "application_credential": given}}},
        None,
    )


def make_credential(cloud, me, who="demo", **body):
    return cloud.make(f"/v3/users/{me}/application_credentials", "application_credential", who, **body)


def test_an_access_key_is_created_shown_and_deleted(cloud, me):
    key = access_key(cloud, me)
    path = f"/v3/users/{me}/credentials/OS-EC2"
    assert [k["access"] for k in cloud.get(path, "demo").json["credentials"]] == [key["access"]]
    assert cloud.get(f"{path}/{key['access']}", "demo").json["credential"]["secret"] == key["secret"]
    assert cloud.get(f"{path}/{key['access']}", "other").status_code == 403
    other = {"tenant_id": cloud.id("projects", "other")}
    useless = cloud.post(path, other, "demo").json["credential"]  # the user has no role there
    assert cloud.signed_in(useless).status_code == 401
    assert cloud.call("DELETE", f"{path}/{key['access']}", "demo").status_code == 204
    assert cloud.get(f"{path}/{key['access']}", "demo").status_code == 404


def test_a_signed_s3_request_becomes_a_token(cloud, me):
    key = access_key(cloud, me)
    text = b"AWS4-HMAC-SHA256\n20261122T000000Z\n20261122/RegionOne/s3/aws4_request\nhash"
    derived = ("AWS4" + key["secret"]).encode()
    for part in ("20261122", "RegionOne", "s3", "aws4_request"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    given = {
        "access": key["access"],
        "token": base64.b64encode(text).decode(),
        "signature": hmac.new(derived, text, hashlib.sha256).hexdigest(),
    }
    answer = cloud.post("/v3/s3tokens?signing_key", {"credentials": given}, "objectstore")
    assert answer.status_code == 200 and answer.json["token"]["project"]["name"] == "demo"
    assert answer.headers["X-Pileus-Signing-Key"] == derived.hex()
    policy = base64.b64encode(b"{}")
    of_form = {
        "access": key["access"],
        "token": base64.b64encode(policy).decode(),
        "signature": hmac.new(derived, policy, hashlib.sha256).hexdigest(),
        "scope": "20261122/RegionOne/s3/aws4_request",
    }
    assert cloud.post("/v3/s3tokens", {"credentials": of_form}, "objectstore").status_code == 200
    other_day = of_form | {"scope": "20261123/RegionOne/s3/aws4_request"}
    assert cloud.post("/v3/s3tokens", {"credentials": other_day}, "objectstore").status_code == 401
    old = hmac.new(key["secret"].encode(), b"GET\n\n", hashlib.sha1).digest()
    version_2 = {
        "access": key["access"],
        "token": base64.b64encode(b"GET\n\n").decode(),
        "signature": base64.b64encode(old).decode(),
    }
    assert cloud.post("/v3/s3tokens", {"credentials": version_2}, "objectstore").status_code == 200
    wrong = given | {"signature": "0" * 64}
    assert cloud.post("/v3/s3tokens", {"credentials": wrong}, "objectstore").status_code == 401
    assert cloud.post("/v3/s3tokens", {"credentials": given}, "demo").status_code == 403
    assert cloud.post("/v3/s3tokens", {"credentials": given}, None).status_code == 401


def test_a_signed_ec2_request_becomes_a_token(cloud, me):
    from keystoneclient.contrib.ec2.utils import Ec2Signer

    from pileus_kit.db import now

    key = access_key(cloud, me)
    params = {
        "AWSAccessKeyId": key["access"],
        "SignatureVersion": "2",
        "SignatureMethod": "HmacSHA256",
        "Action": "Test",
        "Timestamp": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    given = {"access": key["access"], "host": "h", "verb": "GET", "path": "/", "params": params}
    given["signature"] = Ec2Signer(key["secret"]).generate(dict(given, params=dict(params)))
    assert cloud.post("/v3/ec2tokens", {"credentials": given}, "objectstore").status_code == 200
    old = given | {"params": params | {"Timestamp": "2020-01-01T00:00:00Z"}}
    assert cloud.post("/v3/ec2tokens", {"credentials": old}, "objectstore").status_code == 401
    assert cloud.post("/v3/ec2tokens", {"credentials": {"access": "x"}}, "objectstore").status_code == 400
    assert cloud.post("/v3/ec2tokens", {"else": []}, "objectstore").status_code == 400


def also_manager(cloud, me):
    """Give the user more than they delegate; creating access keys takes the role member."""
    project, manager = cloud.id("projects", "demo"), cloud.id("roles", "manager")
    assert cloud.call("PUT", f"/v3/projects/{project}/users/{me}/roles/{manager}").status_code == 204


def test_an_access_key_of_a_delegation_stays_within_it(cloud, me):
    body = {"tenant_id": cloud.id("projects", "demo")}
    path = f"/v3/users/{me}/credentials/OS-EC2"
    narrow = by_credential(cloud, make_credential(cloud, me, name="narrow")).headers["X-Subject-Token"]
    assert cloud.post(path, body, narrow).status_code == 403
    also_manager(cloud, me)
    made = make_credential(cloud, me, name="wide", unrestricted=True, roles=[{"name": "member"}])
    wide = by_credential(cloud, made).headers["X-Subject-Token"]
    assert cloud.post(path, {"tenant_id": cloud.id("projects", "admin")}, wide).status_code == 403
    assert cloud.post("/v3/credentials", {"credential": {"type": "totp", "blob": "x"}}, wide).status_code == 403
    key = cloud.post(path, body, wide).json["credential"]
    view = cloud.signed_in(key).json["token"]
    assert [role["name"] for role in view["roles"]] == ["member", "reader"]
    assert view["application_credential"]["name"] == "wide"
    cloud.call("DELETE", f"/v3/users/{me}/application_credentials/{made['id']}", "demo")
    assert cloud.signed_in(key).status_code == 401


def test_an_access_key_of_a_trust_stays_within_it(cloud, me):
    other, project = cloud.id("users", "other"), cloud.id("projects", "demo")
    also_manager(cloud, me)
    trust = cloud.make(
        "/v3/OS-TRUST/trusts",
        "trust",
        "demo",
        trustor_user_id=me,
        trustee_user_id=other,
        project_id=project,
        impersonation=True,
        roles=[{"name": "member"}],
    )
    token = cloud.login("other", "other", {"OS-TRUST:trust": {"id": trust["id"]}}).headers["X-Subject-Token"]
    key = cloud.post(f"/v3/users/{me}/credentials/OS-EC2", {"tenant_id": project}, token).json["credential"]
    assert key["trust_id"] == trust["id"]
    assert [role["name"] for role in cloud.signed_in(key).json["token"]["roles"]] == ["member", "reader"]
    cloud.call("DELETE", f"/v3/OS-TRUST/trusts/{trust['id']}", "demo")
    assert cloud.signed_in(key).status_code == 401


def test_a_token_of_an_access_key_creates_no_other_credentials(cloud, me):
    token = cloud.signed_in(access_key(cloud, me)).headers["X-Subject-Token"]
    rescope = {"auth": {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": DEMO}}
    assert cloud.post("/v3/auth/tokens", rescope, None).status_code == 403
    assert cloud.get("/v3/credentials", token).status_code == 403
    assert (
        cloud.post(
            f"/v3/users/{me}/application_credentials", {"application_credential": {"name": "x"}}, token
        ).status_code
        == 403
    )
    key = {"tenant_id": cloud.id("projects", "demo")}
    assert cloud.post(f"/v3/users/{me}/credentials/OS-EC2", key, token).status_code == 403


def test_a_reader_does_not_create_access_keys(cloud, worlds):
    mine, _, tokens = worlds
    for who, status in (("p:reader", 403), ("p:member", 201)):
        user = cloud.get("/v3/auth/tokens", tokens[who], X_Subject_Token=tokens[who]).json["token"]["user"]["id"]
        body = {"tenant_id": mine.project}
        assert cloud.post(f"/v3/users/{user}/credentials/OS-EC2", body, tokens[who]).status_code == status


def test_a_malformed_signature_is_refused(cloud, me):
    key = access_key(cloud, me)
    given = {"access": key["access"], "token": base64.b64encode(b"GET\n\n").decode(), "signature": "x"}
    assert cloud.post("/v3/s3tokens", {"credentials": given | {"token": "a"}}, "objectstore").status_code == 400
    assert cloud.post("/v3/s3tokens", {"credentials": given | {"access": "x"}}, "objectstore").status_code == 401
    for scope in (
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256\ntime\na/b/c\nhash",
        b"AWS4-HMAC-SHA256\ntime\na/b/c/d\nhash",
    ):
        text = {"token": base64.b64encode(scope).decode()}
        assert cloud.post("/v3/s3tokens", {"credentials": given | text}, "objectstore").status_code == 401
    request = {"access": key["access"], "signature": "x", "host": "h", "verb": "GET", "path": "/"}
    for params in ({"Timestamp": "yesterday"}, {}, {"Expires": "soon"}, {"Expires": "soon", "SignatureVersion": "9"}):
        sent = {"credentials": request | {"params": params}}
        assert cloud.post("/v3/ec2tokens", sent, "objectstore").status_code == 401


def test_an_access_key_is_for_users_and_projects_that_exist(cloud, me):
    path = f"/v3/users/{me}/credentials/OS-EC2"
    assert cloud.post(path, {"tenant_id": "unknown"}, "demo").status_code == 404
    body = {"tenant_id": cloud.id("projects", "demo")}
    assert cloud.post("/v3/users/unknown/credentials/OS-EC2", body).status_code == 404
    assert cloud.get(path, "other").status_code == 403 and cloud.get(f"{path}/unknown", "demo").status_code == 404
