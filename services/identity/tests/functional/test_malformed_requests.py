"""What nobody sends on purpose is refused with its cause, and costs nobody a 500."""

import json

import pytest

BEYOND = ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")  # times that have no year in UTC


@pytest.mark.parametrize("when", BEYOND)
def test_times_beyond_the_calendar(cloud, when):
    me = cloud.id("users", "demo")
    credential = {"name": "c", "expires_at": when}
    path = f"/v3/users/{me}/application_credentials"
    assert cloud.post(path, {"application_credential": credential}, "demo").status_code == 400
    trust = {
        "trustor_user_id": me,
        "trustee_user_id": cloud.id("users", "other"),
        "impersonation": False,
        "project_id": cloud.id("projects", "demo"),
        "roles": [{"name": "member"}],
        "expires_at": when,
    }
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": trust}, "demo").status_code == 400
    asked = cloud.get("/v3/users?password_expires_at=lt:" + when.replace("+", "%2B"))
    assert asked.status_code == 400 and "password_expires_at" in asked.json["error"]["message"]


def test_a_blob_nested_thousands_deep(cloud):
    blob = '{"access": "a", "secret": "s", "x": ' + "[" * 20_000 + "]" * 20_000 + "}"
    wish = {"type": "ec2", "blob": blob, "project_id": cloud.id("projects", "demo")}
    assert cloud.post("/v3/credentials", {"credential": wish}, "demo").status_code == 400


@pytest.mark.parametrize("deep", [40, 970, 980])
def test_attributes_that_this_api_does_not_define_are_bounded(cloud, deep):
    def post(path, body):
        text = json.dumps(body).replace('"HERE"', "[" * deep + "]" * deep)
        return cloud.identity.client.post(path, data=text, headers={"X-Auth-Token": cloud.token("admin")})

    assert post("/v3/users", {"user": {"name": "u", "x": "HERE"}}).status_code == 400
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    config = {"config": {"ldap": {"url": ["x" * 20_000]}}}
    assert cloud.call("PUT", f"/v3/domains/{domain}/config", json=config).status_code == 400


def test_attributes_do_not_grow_without_end(cloud):
    user = cloud.make("/v3/users", "user", name="u", a="x" * 10_000)["id"]
    path = f"/v3/users/{user}"
    assert cloud.call("PATCH", path, json={"user": {"b": "x" * 10_000}}).status_code == 400
    assert cloud.call("PATCH", path, json={"user": {"a": None, "b": "x" * 10_000}}).status_code == 200


def test_a_filter_longer_than_any_name_finds_nothing(cloud):
    found = cloud.get("/v3/users?name__contains=" + "x" * 60_000)
    assert found.status_code == 200 and found.json["users"] == []


def test_a_conflict_names_what_is_twice(cloud):
    wish = {"service_id": cloud.id("services", "compute"), "resource_name": "cores", "default_limit": 1}
    twice = cloud.post("/v3/registered_limits", {"registered_limits": [wish, wish]})
    assert twice.status_code == 409 and "cores" in twice.json["error"]["message"]


def test_methods_and_scopes_that_are_none(cloud):
    who = {"id": cloud.id("users", "demo"), "password": "demo"}

    def login(methods, **auth):
        identity = {"methods": methods, "password": {"user": who}, "stars": {}}
        return cloud.post("/v3/auth/tokens", {"auth": {"identity": identity} | auth}, None)

    unknown = login(["stars"])
    assert unknown.status_code == 401 and "unsupported method" in unknown.json["error"]["message"]
    assert login(["moon"]).status_code == 400  # nothing is said of it
    assert login(["password"], scope={"stars": {"id": "x"}}).status_code == 400
    assert login(["password"], scope={"project": {"id": "x"}, "domain": {"id": "default"}}).status_code == 400


@pytest.mark.parametrize(
    ("path", "key", "body"),
    [
        ("/v3/projects", "project", {"name": "n"}),
        ("/v3/domains", "domain", {"name": "n"}),
        ("/v3/users", "user", {"name": "n"}),
        ("/v3/groups", "group", {"name": "n"}),
        ("/v3/roles", "role", {"name": "n"}),
        ("/v3/services", "service", {"type": "t"}),
        ("/v3/regions", "region", {"id": "n"}),
        ("/v3/policies", "policy", {"type": "t", "blob": "b"}),
        ("/v3/credentials", "credential", {"type": "t", "blob": "b"}),
    ],
)
def test_an_id_never_changes(cloud, path, key, body):
    made = cloud.make(path, key, **body)
    one = f"{path}/{made['id']}"
    assert cloud.call("PATCH", one, json={key: {"id": "another"}}).status_code == 400
    assert cloud.call("PATCH", one, json={key: {"id": made["id"]}}).status_code == 200
    assert cloud.get(one).json[key] == made


def test_a_project_that_acts_as_a_domain_has_no_parent(cloud):
    parent = cloud.id("projects", "demo")
    for place in ({"parent_id": parent}, {"domain_id": "default"}):
        wish = {"name": "top", "is_domain": True} | place
        assert cloud.post("/v3/projects", {"project": wish}).status_code == 400
    assert cloud.make("/v3/projects", "project", name="top", is_domain=True, parent_id=None)["is_domain"] is True


def test_a_domain_that_is_none_is_what_is_missing(cloud):
    for place in ("nothing", cloud.id("projects", "demo")):
        answer = cloud.post("/v3/projects", {"project": {"name": "p", "domain_id": place}})
        assert answer.status_code == 404 and answer.json["error"]["message"] == f"Could not find domain: {place}."


@pytest.mark.parametrize("url", ["http://x/%(project_id", "http://x/%(project_id)d", "http://x/$(tenant_id)"])
def test_half_a_placeholder_is_no_url(cloud, url):
    wish = {"interface": "public", "service_id": cloud.id("services", "compute"), "url": url}
    assert cloud.post("/v3/endpoints", {"endpoint": wish}).status_code == 400


def test_half_an_access_rule_is_none(cloud):
    path = f"/v3/users/{cloud.id('users', 'demo')}/application_credentials"
    for rule, status in (({"service": "compute"}, 400), ({"id": "nothing"}, 404)):
        wish = {"name": "c", "access_rules": [rule]}
        assert cloud.post(path, {"application_credential": wish}, "demo").status_code == status


def test_an_access_key_stays_one(cloud):
    """A key whose secret is no text was a 500 for the service that had a request checked with it."""
    project = cloud.id("projects", "demo")
    wish = {"type": "ec2", "blob": '{"access": "a", "secret": "s"}', "project_id": project}
    key = cloud.make("/v3/credentials", "credential", "demo", **wish)
    one = f"/v3/credentials/{key['id']}"
    for change in ({"blob": "{}"}, {"blob": '{"access": "a", "secret": [1]}'}, {"project_id": None}):
        assert cloud.call("PATCH", one, "demo", {"credential": change}).status_code == 400
    other = cloud.make("/v3/credentials", "credential", "demo", type="cert", blob="b")["id"]
    assert cloud.call("PATCH", f"/v3/credentials/{other}", "demo", {"credential": {"type": "ec2"}}).status_code == 400
    assert cloud.get(one, "demo").json["credential"] == key
    changed = {"blob": '{"access": "b", "secret": "t"}'}
    assert cloud.call("PATCH", one, "demo", {"credential": changed}).status_code == 200


def test_an_endpoint_leaves_its_region(cloud):
    body = {"interface": "public", "service_id": cloud.id("services", "compute"), "url": "http://x"}
    endpoint = cloud.make("/v3/endpoints", "endpoint", **body, region_id="RegionOne")["id"]
    changed = cloud.call("PATCH", f"/v3/endpoints/{endpoint}", json={"endpoint": {"region_id": None}})
    assert changed.json["endpoint"]["region_id"] is None
    assert cloud.make("/v3/endpoints", "endpoint", **body, region="")["region"] is None
    assert [region["id"] for region in cloud.get("/v3/regions").json["regions"]] == ["RegionOne"]


def test_a_credential_is_changed_as_it_is_made(cloud):
    made = cloud.make("/v3/credentials", "credential", type="cert", blob="b", color="red")
    one = f"/v3/credentials/{made['id']}"
    assert cloud.call("PATCH", one, json={"credential": {"project_id": "nothing"}}).status_code == 404
    changed = cloud.call("PATCH", one, json={"credential": {"color": "blue"}}).json["credential"]
    assert changed == made | {"color": "blue"} and cloud.get(one).json["credential"] == changed
