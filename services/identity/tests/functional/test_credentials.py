"""Credentials: /v3/credentials."""

import pytest

from pileus_identity.db.models import Credential


def test_the_id_of_a_credential_never_changes(cloud):
    cloud.check_fixed_id("/v3/credentials", "credential", {"type": "t", "blob": "b"})


@pytest.fixture
def me(cloud):
    return cloud.id("users", "demo")


def test_a_credential_is_visible_to_its_owner_only(cloud, me, identity):
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


def test_a_credential_keeps_extra_attributes(cloud):
    made = cloud.make("/v3/credentials", "credential", type="cert", blob="b", color="red")
    one = f"/v3/credentials/{made['id']}"
    assert cloud.call("PATCH", one, json={"credential": {"project_id": "nothing"}}).status_code == 404
    changed = cloud.call("PATCH", one, json={"credential": {"color": "blue"}}).json["credential"]
    assert changed == made | {"color": "blue"} and cloud.get(one).json["credential"] == changed


def test_an_ec2_credential_stays_valid_when_it_is_changed(cloud):
    """A secret that is no text would be a 500 for services that ask about a signed request."""
    project = cloud.id("projects", "demo")
    body = {"type": "ec2", "blob": '{"access": "a", "secret": "s"}', "project_id": project}
    key = cloud.make("/v3/credentials", "credential", "demo", **body)
    one = f"/v3/credentials/{key['id']}"
    for change in ({"blob": "{}"}, {"blob": '{"access": "a", "secret": [1]}'}, {"project_id": None}):
        assert cloud.call("PATCH", one, "demo", {"credential": change}).status_code == 400
    other = cloud.make("/v3/credentials", "credential", "demo", type="cert", blob="b")["id"]
    assert cloud.call("PATCH", f"/v3/credentials/{other}", "demo", {"credential": {"type": "ec2"}}).status_code == 400
    assert cloud.get(one, "demo").json["credential"] == key
    changed = {"blob": '{"access": "b", "secret": "t"}'}
    assert cloud.call("PATCH", one, "demo", {"credential": changed}).status_code == 200


def test_a_deeply_nested_blob_is_refused(cloud):
    blob = '{"access": "a", "secret": "s", "x": ' + "[" * 20_000 + "]" * 20_000 + "}"
    body = {"type": "ec2", "blob": blob, "project_id": cloud.id("projects", "demo")}
    assert cloud.post("/v3/credentials", {"credential": body}, "demo").status_code == 400


def test_the_credentials_of_a_user_are_limited(cloud_with):
    cloud = cloud_with(user_limit=1)
    cloud.make("/v3/credentials", "credential", "demo", type="totp", blob="x")
    refused = cloud.post("/v3/credentials", {"credential": {"type": "totp", "blob": "y"}}, "demo")
    assert refused.status_code == 403 and "limit of 1" in refused.json["error"]["message"]


def test_a_credential_is_given_to_another_user_by_administrators_only(cloud):
    made = cloud.make("/v3/credentials", "credential", "demo", type="cert", blob="b")
    one, theirs = f"/v3/credentials/{made['id']}", cloud.id("users", "other")
    assert cloud.call("PATCH", one, "demo", {"credential": {"user_id": theirs}}).status_code == 403
    changed = cloud.call("PATCH", one, json={"credential": {"user_id": theirs}})
    assert changed.json["credential"]["user_id"] == theirs
    assert cloud.call("PATCH", one, json={"credential": {"user_id": "unknown"}}).status_code == 404
    assert cloud.post("/v3/credentials", {"credential": {"type": "t", "blob": "b", "user_id": "x"}}).status_code == 404
    assert cloud.get("/v3/credentials/unknown").status_code == 404


def test_the_blob_of_an_ec2_credential_is_checked(cloud):
    project = cloud.id("projects", "demo")
    for blob in ("no json", "[]", "{}", '{"access": "", "secret": "s"}'):
        body = {"type": "ec2", "blob": blob, "project_id": project}
        assert cloud.post("/v3/credentials", {"credential": body}, "demo").status_code == 400
    key = '{"access": "a", "secret": "s"}'
    assert cloud.post("/v3/credentials", {"credential": {"type": "ec2", "blob": key}}, "demo").status_code == 400
    claimed = {"type": "ec2", "blob": '{"access": "a", "secret": "s", "trust_id": "t"}', "project_id": project}
    assert cloud.post("/v3/credentials", {"credential": claimed}, "demo").status_code == 403
    made = cloud.make("/v3/credentials", "credential", "demo", type="ec2", blob=key, project_id=project)
    widened = {"credential": {"blob": '{"access": "a", "secret": "s", "trust_id": "t"}'}}
    assert cloud.call("PATCH", f"/v3/credentials/{made['id']}", "demo", widened).status_code == 400
