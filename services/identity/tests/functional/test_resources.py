"""Every noun: create, show, list with filters, change, delete, and what is refused."""

import pytest


def test_projects_make_a_tree(cloud):
    top = cloud.make("/v3/projects", "project", name="top", tags=["b", "a"], color="blue")
    assert (top["domain_id"], top["parent_id"], top["enabled"], top["description"]) == ("default", "default", True, "")
    assert top["color"] == "blue" and top["tags"] == ["a", "b"]
    child = cloud.make("/v3/projects", "project", name="child", parent_id=top["id"])
    leaf = cloud.make("/v3/projects", "project", name="leaf", parent_id=child["id"])
    path = f"/v3/projects/{child['id']}"
    assert cloud.get(f"{path}?parents_as_ids").json["project"]["parents"] == {top["id"]: None}
    assert cloud.get(f"/v3/projects/{top['id']}?subtree_as_ids").json["project"]["subtree"] == {
        child["id"]: {leaf["id"]: None}
    }
    listed = cloud.get(f"{path}?subtree_as_list").json["project"]["subtree"]
    assert [entry["project"]["name"] for entry in listed] == ["leaf"]
    assert cloud.call("DELETE", path).status_code == 403  # not a leaf
    assert cloud.call("PATCH", path, json={"project": {"enabled": False}}).status_code == 403  # enabled child
    for project in (leaf, child, top):
        assert cloud.call("DELETE", f"/v3/projects/{project['id']}").status_code == 204
    assert cloud.get(path).status_code == 404


def test_a_member_sees_of_the_tree_what_he_has_a_role_on(cloud):
    me, member = cloud.id("users", "demo"), cloud.id("roles", "member")
    project = cloud.id("projects", "demo")
    mine, theirs = (cloud.make("/v3/projects", "project", name=n, parent_id=project)["id"] for n in ("mine", "theirs"))
    cloud.call("PUT", f"/v3/projects/{mine}/users/{me}/roles/{member}")
    path = f"/v3/projects/{project}"

    def listed(who):
        shown = cloud.get(f"{path}?subtree_as_list", who).json["project"]
        return {entry["project"]["id"] for entry in shown["subtree"]}

    assert listed("demo") == {mine} and listed("admin") == {mine, theirs}
    assert set(cloud.get(f"{path}?subtree_as_ids", "demo").json["project"]["subtree"]) == {mine, theirs}


def test_regions_below_go_with_a_region(cloud):
    for name, parent in (("top", None), ("middle", "top"), ("leaf", "middle")):
        cloud.make("/v3/regions", "region", id=name, parent_region_id=parent)
    body = {
        "interface": "public",
        "service_id": cloud.id("services", "compute"),
        "region_id": "leaf",
        "url": "http://x",
    }
    endpoint = cloud.make("/v3/endpoints", "endpoint", **body)["id"]
    assert cloud.call("DELETE", "/v3/regions/top").status_code == 403
    assert cloud.get("/v3/regions/leaf").status_code == 200
    cloud.call("DELETE", f"/v3/endpoints/{endpoint}")
    assert cloud.call("DELETE", "/v3/regions/top").status_code == 204
    assert [r["id"] for r in cloud.get("/v3/regions").json["regions"]] == ["RegionOne"]


def test_a_tree_has_a_depth_and_a_domain(cloud):
    parent = "default"
    for level in range(5):
        parent = cloud.make("/v3/projects", "project", name=f"p{level}", parent_id=parent)["id"]
    too_deep = cloud.post("/v3/projects", {"project": {"name": "p5", "parent_id": parent}})
    assert too_deep.status_code == 403
    domain = cloud.make("/v3/domains", "domain", name="d")
    wrong = {"project": {"name": "x", "parent_id": parent, "domain_id": domain["id"]}}
    assert cloud.post("/v3/projects", wrong).status_code == 400
    assert cloud.call("PATCH", f"/v3/projects/{parent}", json={"project": {"parent_id": "default"}}).status_code == 400


@pytest.mark.parametrize(
    ("path", "key", "body", "change"),
    [
        ("/v3/projects", "project", {"name": "n", "description": "d"}, {"name": "m", "enabled": False}),
        ("/v3/users", "user", {"name": "n", "email": "a@b", "password": "p"}, {"name": "m", "email": "c@d"}),
        ("/v3/groups", "group", {"name": "n", "description": "d"}, {"name": "m", "description": "e"}),
        ("/v3/domains", "domain", {"name": "n", "description": "d"}, {"name": "m", "enabled": False}),
        ("/v3/roles", "role", {"name": "n", "description": "d"}, {"name": "m"}),
        ("/v3/services", "service", {"type": "t", "name": "n", "description": "d"}, {"name": "m", "enabled": False}),
        ("/v3/policies", "policy", {"type": "t", "blob": "b"}, {"blob": "c"}),
        (
            "/v3/regions",
            "region",
            {"id": "n", "description": "d", "parent_region_id": "RegionOne"},
            {"description": "e"},
        ),
    ],
)
def test_create_show_list_change_delete(cloud, path, key, body, change):
    made = cloud.make(path, key, **body)
    assert "password" not in made
    one = f"{path}/{made['id']}"
    assert made["links"]["self"].endswith(one)
    shown = cloud.get(one)
    assert shown.status_code == 200 and shown.json[key] == made
    assert {k: v for k, v in body.items() if k != "password"}.items() <= made.items()
    assert made in cloud.get(path).json[path.rpartition("/")[2]]
    changed = cloud.call("PATCH", one, json={key: change})
    assert changed.status_code == 200, changed.json
    assert change.items() <= changed.json[key].items()
    assert cloud.get(one).json[key] == changed.json[key]
    assert cloud.call("DELETE", one).status_code == 204
    assert cloud.get(one).status_code == 404
    assert cloud.call("DELETE", one).status_code == 404
    assert cloud.call("PATCH", one, json={key: change}).status_code == 404


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v3/projects", "project"),
        ("/v3/users", "user"),
        ("/v3/groups", "group"),
        ("/v3/domains", "domain"),
        ("/v3/roles", "role"),
    ],
)
def test_names_are_unique_and_bounded(cloud, path, key):
    cloud.make(path, key, name="twice")
    assert cloud.post(path, {key: {"name": "twice"}}).status_code == 409
    other = cloud.make(path, key, name="once")
    assert cloud.call("PATCH", f"{path}/{other['id']}", json={key: {"name": "twice"}}).status_code == 409
    for name in ("", " ", "x" * 256, None, 5):
        assert cloud.post(path, {key: {"name": name}}).status_code == 400
    assert cloud.post(path, {key: {}}).status_code == 400
    assert cloud.post(path, {}).status_code == 400
    assert cloud.call("PATCH", f"{path}/{other['id']}", json={key: {"id": "new", "name": 3}}).status_code == 400


def test_lists_filter_and_page(cloud):
    ids = sorted(cloud.make("/v3/users", "user", name=f"Page{n}", enabled=n != 1)["id"] for n in range(3))

    def found(query):
        return [user["id"] for user in cloud.get(f"/v3/users?{query}").json["users"]]

    assert found("name=Page1") and len(found("name__startswith=Page")) == 3
    assert len(found("name__contains=age2")) == 1
    assert len(found("enabled=false")) == 1
    assert found("name__startswith=Page&domain_id=nothing") == []
    first = cloud.get("/v3/users?name__startswith=Page&limit=2").json
    assert [user["id"] for user in first["users"]] == ids[:2] and first["truncated"] is True
    following = first["links"]["next"].partition("/v3/")[2]
    second = cloud.get(f"/v3/{following}").json
    assert [user["id"] for user in second["users"]] == ids[2:] and second["links"]["next"] is None
    assert cloud.get("/v3/users?limit=many").status_code == 400


def test_projects_are_found_by_tags(cloud):
    one = cloud.make("/v3/projects", "project", name="one", tags=["x", "y"])["id"]
    two = cloud.make("/v3/projects", "project", name="two", tags=["x"])["id"]

    def found(query):
        return {project["id"] for project in cloud.get(f"/v3/projects?{query}").json["projects"]}

    assert found("tags=x,y") == {one} and found("tags-any=x,y") == {one, two}
    assert {one, two} & found("not-tags=x,y") == {two} and not {one, two} & found("not-tags-any=x,y")
    path = f"/v3/projects/{one}/tags"
    assert cloud.call("PUT", f"{path}/z").status_code == 201
    assert cloud.get(path).json["tags"] == ["x", "y", "z"]
    assert cloud.get(f"{path}/z").status_code == 204 and cloud.get(f"{path}/q").status_code == 404
    assert cloud.call("DELETE", f"{path}/z").status_code == 204
    assert cloud.call("PUT", path, json={"tags": ["n"]}).json["tags"] == ["n"]
    assert cloud.call("DELETE", path).status_code == 204 and cloud.get(path).json["tags"] == []


def test_a_domain_goes_with_all_that_is_in_it(cloud):
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    user = cloud.make("/v3/users", "user", name="u", domain_id=domain, password="p")["id"]
    project = cloud.make("/v3/projects", "project", name="p", domain_id=domain)["id"]
    cloud.make("/v3/projects", "project", name="c", parent_id=project)
    cloud.make("/v3/groups", "group", name="g", domain_id=domain)
    cloud.make("/v3/roles", "role", name="r", domain_id=domain)
    cloud.call("PUT", f"/v3/projects/{project}/users/{user}/roles/{cloud.id('roles', 'reader')}")
    assert cloud.call("DELETE", f"/v3/domains/{domain}").status_code == 403
    cloud.call("PATCH", f"/v3/domains/{domain}", json={"domain": {"enabled": False}})
    assert cloud.call("DELETE", f"/v3/domains/{domain}").status_code == 204
    assert cloud.get(f"/v3/users/{user}").status_code == 404 and cloud.get(f"/v3/projects/{project}").status_code == 404
    assert not [
        a for a in cloud.get("/v3/role_assignments").json["role_assignments"] if a.get("user", {}).get("id") == user
    ]


def test_the_immutable_stays(cloud):
    admin = cloud.id("roles", "admin")
    assert cloud.call("DELETE", f"/v3/roles/{admin}").status_code == 403
    assert cloud.call("PATCH", f"/v3/roles/{admin}", json={"role": {"name": "x"}}).status_code == 403
    project = cloud.make("/v3/projects", "project", name="p", options={"immutable": True})["id"]
    assert cloud.call("DELETE", f"/v3/projects/{project}").status_code == 403
    loosened = cloud.call("PATCH", f"/v3/projects/{project}", json={"project": {"options": {"immutable": False}}})
    assert loosened.status_code == 200
    assert cloud.call("DELETE", f"/v3/projects/{project}").status_code == 204


def test_the_catalogue_is_written_and_read(cloud):
    service = cloud.make("/v3/services", "service", type="dns", name="names")["id"]
    body = {"interface": "public", "service_id": service, "region_id": "RegionOne", "url": "http://x:1/%(tenant_id)s"}
    endpoint = cloud.make("/v3/endpoints", "endpoint", **body)
    catalog = cloud.get("/v3/auth/catalog", "demo").json["catalog"]
    urls = [e["url"] for entry in catalog if entry["type"] == "dns" for e in entry["endpoints"]]
    assert urls == [f"http://x:1/{cloud.id('projects', 'demo')}"]
    for bad in (
        {"interface": "x"},
        {"service_id": "nothing"},
        {"url": "nothing"},
        {"url": "http://x/$(secret)s"},
        {"region_id": "nowhere"},
    ):
        assert cloud.post("/v3/endpoints", {"endpoint": body | bad}).status_code == 400
    path = f"/v3/endpoints/{endpoint['id']}"
    assert cloud.call("PATCH", path, json={"endpoint": {"enabled": False}}).json["endpoint"]["enabled"] is False
    catalog = cloud.get("/v3/auth/catalog", "demo").json["catalog"]
    assert [e for entry in catalog if entry["type"] == "dns" for e in entry["endpoints"]] == []
    assert [e["id"] for e in cloud.get(f"/v3/endpoints?service_id={service}").json["endpoints"]] == [endpoint["id"]]
    assert cloud.call("DELETE", "/v3/regions/RegionOne").status_code == 403
    assert cloud.call("DELETE", f"/v3/services/{service}").status_code == 204
    assert cloud.get(path).status_code == 404


def test_limits(cloud):
    service, project = cloud.id("services", "compute"), cloud.id("projects", "demo")
    wish = {"service_id": service, "resource_name": "cores", "default_limit": 10, "region_id": None}
    made = cloud.post("/v3/registered_limits", {"registered_limits": [wish]})
    assert made.status_code == 201
    registered = made.json["registered_limits"][0]
    assert cloud.post("/v3/registered_limits", {"registered_limits": [wish]}).status_code == 409
    own = {"service_id": service, "resource_name": "cores", "resource_limit": 5, "project_id": project}
    limit = cloud.post("/v3/limits", {"limits": [own]}).json["limits"][0]
    assert limit["project_id"] == project and limit["domain_id"] is None
    assert cloud.post("/v3/limits", {"limits": [own]}).status_code == 409
    assert cloud.post("/v3/limits", {"limits": [own | {"resource_name": "x"}]}).status_code == 403
    assert cloud.post("/v3/limits", {"limits": [own | {"domain_id": "default"}]}).status_code == 400
    assert cloud.get("/v3/limits", "demo").json["limits"] == [limit]
    assert cloud.get("/v3/limits", "other").json["limits"] == []
    assert cloud.get(f"/v3/limits/{limit['id']}", "other").status_code == 403
    path = f"/v3/registered_limits/{registered['id']}"
    assert cloud.call("DELETE", path).status_code == 403
    patched = cloud.call("PATCH", f"/v3/limits/{limit['id']}", json={"limit": {"resource_limit": 7}})
    assert patched.json["limit"]["resource_limit"] == 7
    assert cloud.call("DELETE", f"/v3/limits/{limit['id']}").status_code == 204
    assert cloud.call("DELETE", path).status_code == 204


def test_a_project_sees_the_endpoints_chosen_for_it(cloud):
    project, compute = cloud.id("projects", "demo"), cloud.id("services", "compute")

    def seen():
        catalog = cloud.get("/v3/auth/catalog", "demo").json["catalog"]
        return {(entry["type"], e["interface"]) for entry in catalog for e in entry["endpoints"]}

    everything = seen()
    filters = {"service_id": compute, "interface": "public"}
    group = cloud.make("/v3/OS-EP-FILTER/endpoint_groups", "endpoint_group", name="g", filters=filters)
    path = f"/v3/OS-EP-FILTER/endpoint_groups/{group['id']}"
    assert cloud.call("PUT", f"{path}/projects/{project}").status_code == 204
    assert cloud.call("PUT", f"{path}/projects/{project}").status_code == 409
    assert cloud.get(f"{path}/projects/{project}").status_code == 200
    assert seen() == {("compute", "public")}
    image = cloud.id("services", "image")
    endpoint = cloud.get(f"/v3/endpoints?service_id={image}&interface=admin").json["endpoints"][0]["id"]
    one = f"/v3/OS-EP-FILTER/projects/{project}/endpoints/{endpoint}"
    assert cloud.get(one).status_code == 404
    assert cloud.call("PUT", one).status_code == 204 and cloud.get(one).status_code == 204
    assert seen() == {("compute", "public"), ("image", "admin")}
    listed = {
        f"{path}/endpoints": "endpoints",
        f"{path}/projects": "projects",
        f"/v3/OS-EP-FILTER/projects/{project}/endpoints": "endpoints",
        f"/v3/OS-EP-FILTER/projects/{project}/endpoint_groups": "endpoint_groups",
        f"/v3/OS-EP-FILTER/endpoints/{endpoint}/projects": "projects",
    }
    for url, key in listed.items():
        assert len(cloud.get(url).json[key]) == 1, url
    assert cloud.call("DELETE", one).status_code == 204
    assert cloud.call("PATCH", path, json={"endpoint_group": {"filters": {"interface": "admin"}}}).status_code == 200
    assert {interface for _, interface in seen()} == {"admin"}
    assert cloud.call("DELETE", path).status_code == 204
    assert seen() == everything
    assert (
        cloud.post(
            "/v3/OS-EP-FILTER/endpoint_groups", {"endpoint_group": {"name": "g", "filters": {"x": 1}}}
        ).status_code
        == 400
    )


def test_a_domains_configuration(cloud):
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
