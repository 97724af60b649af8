"""Domain-specific configurations: /v3/domains/{domain_id}/config."""


def test_a_domain_has_a_configuration(cloud):
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    path = f"/v3/domains/{domain}/config"
    config = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://x", "password": "secret"}}
    shown = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://x"}}
    assert cloud.get(path).status_code == 404
    made = cloud.call("PUT", path, json={"config": config})
    assert made.status_code == 201 and made.json["config"] == shown
    assert cloud.call("PUT", path, json={"config": config}).status_code == 200
    assert cloud.get(f"{path}/ldap").json["config"] == {"ldap": {"url": "ldap://x"}}
    assert cloud.get(f"{path}/ldap/url").json["config"] == {"url": "ldap://x"}
    assert cloud.get(f"{path}/ldap/password").status_code == 404
    changed = cloud.call("PATCH", f"{path}/ldap/url", json={"config": {"url": "ldap://y"}})
    assert changed.json["config"]["ldap"] == {"url": "ldap://y"}
    changed = cloud.call("PATCH", f"{path}/identity", json={"config": {"identity": {"list_limit": 5}}})
    assert changed.json["config"]["identity"] == {"driver": "ldap", "list_limit": 5}
    assert cloud.call("PATCH", f"{path}/ldap/suffix", json={"config": {"suffix": "x"}}).status_code == 404
    assert cloud.call("PATCH", f"{path}/ldap", json={"config": {"identity": {"driver": "x"}}}).status_code == 400
    for bad in ({"other": {"a": 1}}, {"ldap": {"nothing": 1}}, {}):
        assert cloud.call("PUT", path, json={"config": bad}).status_code == 403
    assert cloud.call("DELETE", f"{path}/ldap/url").status_code == 204
    assert cloud.call("DELETE", f"{path}/identity").status_code == 204
    assert cloud.get("/v3/domains/config/default").json["config"]["identity"]["driver"] == "sql"
    assert cloud.get("/v3/domains/config/ldap/url/default").json["config"] == {"url": "ldap://localhost"}
    assert cloud.get(path, "demo").status_code == 403


def test_all_users_see_the_rules_for_passwords(cloud_with):
    cloud = cloud_with(password_regex="^.{8,}$", password_regex_description="eight or more")
    path = "/v3/domains/default/config/security_compliance"
    rules = {"password_regex": "^.{8,}$", "password_regex_description": "eight or more"}
    assert cloud.get(path, "reader").json == {"config": {"security_compliance": rules}}
    assert cloud.get(f"{path}/password_regex", "reader").json == {"config": {"password_regex": "^.{8,}$"}}
    assert cloud.get(f"{path}/lockout_duration", "reader").status_code == 403
    other = cloud.make("/v3/domains", "domain", name="other")["id"]
    assert cloud.get(f"/v3/domains/{other}/config/security_compliance", "reader").status_code == 403
    assert cloud.get(path, None).status_code == 401


def test_defaults_are_shown_for_all_groups_one_group_and_one_option(cloud):
    assert set(cloud.get("/v3/domains/config/default").json["config"]) == {"identity", "ldap"}
    assert cloud.get("/v3/domains/config/identity/default").json["config"]["identity"]["driver"] == "sql"
    assert cloud.get("/v3/domains/config/identity/driver/default").json["config"] == {"driver": "sql"}
    assert cloud.get("/v3/domains/config/unknown/default").status_code == 404
    assert cloud.get("/v3/domains/config/ldap/unknown/default").status_code == 404


def test_a_whole_configuration_is_updated_and_deleted(cloud):
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    path = f"/v3/domains/{domain}/config"
    config = {"identity": {"driver": "ldap"}}
    assert cloud.call("PATCH", path, json={"config": config}).status_code == 404
    cloud.call("PUT", path, json={"config": config})
    changed = cloud.call("PATCH", path, json={"config": {"ldap": {"url": "ldap://x"}}})
    assert changed.json["config"] == config | {"ldap": {"url": "ldap://x"}}
    wrong = {"config": {"url": "ldap://y", "suffix": "x"}}
    assert cloud.call("PATCH", f"{path}/ldap/url", json=wrong).status_code == 400
    assert cloud.get(f"{path}/unknown").status_code == 403
    assert cloud.call("DELETE", path).status_code == 204
    assert cloud.get(path).status_code == 404 and cloud.call("DELETE", path).status_code == 404
    assert cloud.call("PUT", "/v3/domains/unknown/config", json={"config": config}).status_code == 404
