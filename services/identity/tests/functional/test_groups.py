"""Groups and their members: /v3/groups."""

import pytest


def test_a_group_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud("/v3/groups", "group", {"name": "n", "description": "d"}, {"name": "m", "description": "e"})


def test_names_of_groups_are_unique_and_bounded(cloud):
    cloud.check_unique_names("/v3/groups", "group")


@pytest.mark.parametrize("name", ["name"])
def test_a_null_is_refused(cloud, name):
    cloud.check_null_is_refused("/v3/groups", "group", {"name": "new"}, name)


def test_the_id_of_a_group_never_changes(cloud):
    cloud.check_fixed_id("/v3/groups", "group", {"name": "n"})


def test_members_are_added_checked_listed_and_removed(cloud):
    group, user = cloud.make("/v3/groups", "group", name="g")["id"], cloud.id("users", "demo")
    members, member = f"/v3/groups/{group}/users", f"/v3/groups/{group}/users/{user}"
    assert cloud.get(member).status_code == 404
    assert cloud.call("PUT", member).status_code == 204 and cloud.call("PUT", member).status_code == 204
    assert cloud.get(member).status_code == 204 and cloud.call("HEAD", member).status_code == 204
    assert [row["id"] for row in cloud.get(members).json["users"]] == [user]
    assert cloud.get(f"{members}?name=other").json["users"] == []
    assert [row["id"] for row in cloud.get(f"/v3/users/{user}/groups", "demo").json["groups"]] == [group]
    assert cloud.get(f"/v3/users/{user}/groups", "other").status_code == 403
    assert cloud.call("DELETE", member).status_code == 204 and cloud.call("DELETE", member).status_code == 404
    assert cloud.call("PUT", f"{members}/unknown").status_code == 404
    assert cloud.call("PUT", f"/v3/groups/unknown/users/{user}").status_code == 404
    assert cloud.get("/v3/groups/unknown/users").status_code == 404
    assert cloud.get("/v3/users/unknown/groups").status_code == 404


def test_a_domain_scoped_token_lists_only_groups_and_members_of_its_domain(cloud):
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    reader = cloud.make("/v3/users", "user", name="reader", password="p", domain_id=domain)["id"]
    cloud.call("PUT", f"/v3/domains/{domain}/users/{reader}/roles/{cloud.id('roles', 'reader')}")
    token = cloud.login("reader", "p", {"domain": {"id": domain}}, domain).headers["X-Subject-Token"]
    user = cloud.make("/v3/users", "user", name="u", domain_id=domain)["id"]
    own = cloud.make("/v3/groups", "group", name="own", domain_id=domain)["id"]
    foreign = cloud.make("/v3/groups", "group", name="foreign")["id"]
    for group in (own, foreign):
        for member in (user, cloud.id("users", "demo")):
            cloud.call("PUT", f"/v3/groups/{group}/users/{member}")
    assert [row["id"] for row in cloud.get("/v3/groups", token).json["groups"]] == [own]
    assert [row["id"] for row in cloud.get(f"/v3/groups/{own}/users", token).json["users"]] == [user]
    assert [row["id"] for row in cloud.get(f"/v3/users/{user}/groups", token).json["groups"]] == [own]


def test_a_group_is_created_in_the_domain_of_the_body_and_stays_there(cloud):
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    group = cloud.make("/v3/groups", "group", name="g", domain_id=domain)
    assert group["domain_id"] == domain
    one = f"/v3/groups/{group['id']}"
    assert cloud.call("PATCH", one, json={"group": {"domain_id": "default"}}).status_code == 400
    assert cloud.post("/v3/groups", {"group": {"name": "h", "domain_id": "unknown"}}).status_code == 404
    assert cloud.make("/v3/groups", "group", name="g")["domain_id"] == "default"  # names are unique in a domain
