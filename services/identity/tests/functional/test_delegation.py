"""Application credentials, trusts, access keys: lent rights never grow."""

import base64
import hashlib
import hmac

import pytest

from pileus_identity.db.models import Credential

DEMO = {"project": {"name": "demo", "domain": {"id": "default"}}}


@pytest.fixture
def me(cloud):
    return cloud.id("users", "demo")


def by_credential(cloud, made, secret=None, **more):
    given = {"id": made["id"], "secret": secret or made["secret"]} | more
    return cloud.post(
        "/v3/auth/tokens",
        {"auth": {"identity": {"methods": ["application_credential"], "application_credential": given}}},
        None,
    )


def make_credential(cloud, me, who="demo", **body):
    return cloud.make(f"/v3/users/{me}/application_credentials", "application_credential", who, **body)


def test_an_application_credential_logs_in_with_what_it_was_given(cloud, me):
    made = make_credential(cloud, me, name="ci", roles=[{"name": "reader"}], expires_at="2099-01-01T00:00:00")
    assert made["roles"][0]["name"] == "reader" and made["unrestricted"] is False and len(made["secret"]) > 60
    path = f"/v3/users/{me}/application_credentials"
    assert "secret" not in cloud.get(f"{path}/{made['id']}", "demo").json["application_credential"]
    assert len(cloud.get(f"{path}?name=ci", "demo").json["application_credentials"]) == 1
    token = by_credential(cloud, made)
    view = token.json["token"]
    assert [role["name"] for role in view["roles"]] == ["reader"]
    assert view["application_credential"] == {"id": made["id"], "name": "ci", "restricted": True}
    assert view["project"]["name"] == "demo" and view["methods"] == ["application_credential"]
    named = {"name": "ci", "user": {"id": me}, "secret": made["secret"]}
    auth = {"identity": {"methods": ["application_credential"], "application_credential": named}}
    assert cloud.post("/v3/auth/tokens", {"auth": auth}, None).status_code == 201
    assert cloud.post("/v3/auth/tokens", {"auth": auth | {"scope": DEMO}}, None).status_code == 401
    assert by_credential(cloud, made, "wrong").status_code == 401
    text = token.headers["X-Subject-Token"]
    assert cloud.call("DELETE", f"{path}/{made['id']}", "demo").status_code == 204
    assert cloud.check(text).status_code == 404
    assert by_credential(cloud, made).status_code == 401


def test_it_does_not_outgrow_its_user(cloud, me):
    assert (
        cloud.post(
            f"/v3/users/{me}/application_credentials",
            {"application_credential": {"name": "x", "roles": [{"name": "admin"}]}},
            "demo",
        ).status_code
        == 400
    )
    assert (
        cloud.post(
            f"/v3/users/{me}/application_credentials", {"application_credential": {"name": "x"}}, "other"
        ).status_code
        == 403
    )
    made = make_credential(cloud, me, name="mine", secret="chosen secret")
    token = by_credential(cloud, made, "chosen secret").headers["X-Subject-Token"]
    again = {"application_credential": {"name": "child"}}
    assert cloud.post(f"/v3/users/{me}/application_credentials", again, token).status_code == 403
    rescope = {"auth": {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": DEMO}}
    assert cloud.post("/v3/auth/tokens", rescope, None).status_code == 403
    assert cloud.get("/v3/credentials", token).status_code == 403
    free = make_credential(cloud, me, name="free", unrestricted=True)
    wide = by_credential(cloud, free).headers["X-Subject-Token"]
    assert cloud.post(f"/v3/users/{me}/application_credentials", again, wide).status_code == 201
    project, member = cloud.id("projects", "demo"), cloud.id("roles", "member")
    cloud.call("DELETE", f"/v3/projects/{project}/users/{me}/roles/{member}")
    assert cloud.check(wide).status_code == 404
    cloud.call("PUT", f"/v3/projects/{project}/users/{me}/roles/{member}")
    assert by_credential(cloud, free).status_code == 401  # it went with the role, and doesn't come back with it


def test_access_rules_are_enforced_here_and_shown_to_those_who_enforce_them(cloud, me):
    rules = [
        {"service": "identity", "method": "GET", "path": "/v3/auth/projects"},
        {"service": "compute", "method": "GET", "path": "/v2.1/servers/*"},
    ]
    made = make_credential(cloud, me, name="narrow", access_rules=rules)
    token = by_credential(cloud, made).headers["X-Subject-Token"]
    assert cloud.get("/v3/auth/projects", token).status_code == 200
    assert cloud.get("/v3/auth/domains", token).status_code == 401
    assert cloud.check(token).status_code == 404
    headers = {"X_Subject_Token": token, "OpenStack_Identity_Access_Rules": "1"}
    view = cloud.get("/v3/auth/tokens", "compute", **headers).json["token"]["application_credential"]
    assert {rule["path"] for rule in view["access_rules"]} == {"/v3/auth/projects", "/v2.1/servers/*"}
    path = f"/v3/users/{me}/access_rules"
    rule = cloud.get(f"{path}?service=compute", "demo").json["access_rules"][0]
    assert cloud.get(f"{path}/{rule['id']}", "demo").status_code == 200
    assert cloud.call("DELETE", f"{path}/{rule['id']}", "demo").status_code == 403
    cloud.call("DELETE", f"/v3/users/{me}/application_credentials/{made['id']}", "demo")
    assert cloud.call("DELETE", f"{path}/{rule['id']}", "demo").status_code == 204
    assert cloud.get(f"{path}/{rule['id']}", "demo").status_code == 404


def test_credentials_are_the_owners(cloud, me, identity):
    made = cloud.make("/v3/credentials", "credential", "demo", type="totp", blob="SECRET")
    assert made["user_id"] == me and made["blob"] == "SECRET"
    assert cloud.get(f"/v3/credentials/{made['id']}", "other").status_code == 403
    assert cloud.get("/v3/credentials", "other").json["credentials"] == []
    assert len(cloud.get("/v3/credentials?type=totp", "demo").json["credentials"]) == 1
    theirs = {"type": "totp", "blob": "x", "user_id": cloud.id("users", "other")}
    assert cloud.post("/v3/credentials", {"credential": theirs}, "demo").status_code == 403
    assert (
        cloud.call("PATCH", f"/v3/credentials/{made['id']}", "demo", {"credential": {"blob": "N"}}).json["credential"][
            "blob"
        ]
        == "N"
    )
    with identity.sessions.read() as session:
        assert "SECRET" not in session.get_one(Credential, made["id"]).blob
    assert cloud.call("DELETE", f"/v3/credentials/{made['id']}", "demo").status_code == 204


def access_key(cloud, me):
    made = cloud.post(f"/v3/users/{me}/credentials/OS-EC2", {"tenant_id": cloud.id("projects", "demo")}, "demo")
    assert made.status_code == 201
    return made.json["credential"]


def test_access_keys(cloud, me):
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


def test_a_signature_proves_the_owner_of_a_key(cloud, me):
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


def test_an_ec2_request_is_checked_whole(cloud, me):
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


def test_a_trust_lends_roles_and_ends(cloud, me):
    other, project = cloud.id("users", "other"), cloud.id("projects", "demo")
    wish = {
        "trustor_user_id": me,
        "trustee_user_id": other,
        "project_id": project,
        "impersonation": True,
        "roles": [{"name": "member"}],
        "remaining_uses": 2,
    }
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": wish}, "other").status_code == 403
    assert (
        cloud.post("/v3/OS-TRUST/trusts", {"trust": wish | {"roles": [{"name": "admin"}]}}, "demo").status_code == 403
    )
    trust = cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **wish)
    scope = {"OS-TRUST:trust": {"id": trust["id"]}}
    first = cloud.login("other", "other", scope)
    assert first.status_code == 201, first.json
    view = first.json["token"]
    assert view["user"]["id"] == me and view["OS-TRUST:trust"]["trustee_user"]["id"] == other
    assert [role["name"] for role in view["roles"]] == ["member", "reader"]
    assert cloud.login("demo", "demo", scope).status_code == 401
    assert cloud.login("other", "other", scope).status_code == 201
    assert cloud.login("other", "other", scope).status_code == 401  # used up
    path = f"/v3/OS-TRUST/trusts/{trust['id']}"
    assert cloud.get(path, "other").json["trust"]["remaining_uses"] == 0
    assert cloud.get(path, "reader").status_code == 403
    assert [r["name"] for r in cloud.get(f"{path}/roles", "demo").json["roles"]] == ["member"]
    assert cloud.get("/v3/OS-TRUST/trusts", "demo").status_code == 403
    assert len(cloud.get(f"/v3/OS-TRUST/trusts?trustee_user_id={other}", "other").json["trusts"]) == 1
    token = first.headers["X-Subject-Token"]
    assert cloud.check(token).status_code == 200
    assert cloud.call("DELETE", path, "other").status_code == 403
    assert cloud.call("DELETE", path, "demo").status_code == 204
    assert cloud.check(token).status_code == 404 and cloud.get(path, "demo").status_code == 404


def also_manager(cloud, me):
    """So that the user has more than is lent; making access keys takes the role member."""
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


def test_a_token_of_an_access_key_leads_nowhere_else(cloud, me):
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


def test_a_trust_is_passed_on_within_its_bounds(cloud, me):
    other, reader = cloud.id("users", "other"), cloud.id("users", "reader")
    project, second = cloud.id("projects", "demo"), cloud.make("/v3/projects", "project", name="second")["id"]
    member = cloud.id("roles", "member")
    cloud.call("PUT", f"/v3/projects/{second}/users/{me}/roles/{member}")
    wish = {
        "trustor_user_id": me,
        "trustee_user_id": other,
        "project_id": project,
        "impersonation": True,
        "roles": [{"name": "member"}],
    }

    def through(trust):
        return cloud.login("other", "other", {"OS-TRUST:trust": {"id": trust["id"]}}).headers["X-Subject-Token"]

    closed = through(cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **wish))
    onward = wish | {"trustee_user_id": reader}
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": onward}, closed).status_code == 403
    first = cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **wish, allow_redelegation=True, redelegation_count=1)
    opened = through(first)
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": onward | {"project_id": second}}, opened).status_code == 403
    passed = cloud.post("/v3/OS-TRUST/trusts", {"trust": onward}, opened)
    assert passed.status_code == 201 and passed.json["trust"]["redelegated_trust_id"] == first["id"]
    scope = {"OS-TRUST:trust": {"id": passed.json["trust"]["id"]}}
    token = cloud.login("reader", "reader", scope).headers["X-Subject-Token"]
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": onward}, token).status_code == 403  # no further
    cloud.call("DELETE", f"/v3/OS-TRUST/trusts/{first['id']}", "demo")
    assert cloud.check(token).status_code == 404
