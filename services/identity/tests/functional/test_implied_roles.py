"""Implied roles: /v3/roles/{prior_id}/implies and /v3/role_inferences."""


def test_a_role_implies_another(cloud):
    one, two = (cloud.make("/v3/roles", "role", name=name)["id"] for name in ("one", "two"))
    path = f"/v3/roles/{one}/implies/{two}"
    assert cloud.get(path).status_code == 404
    assert cloud.call("PUT", path).json["role_inference"]["implies"]["id"] == two
    assert cloud.get(path).status_code == 200 and cloud.call("HEAD", path).status_code == 204
    assert [r["id"] for r in cloud.get(f"/v3/roles/{one}/implies").json["role_inference"]["implies"]] == [two]
    assert any(i["prior_role"]["id"] == one for i in cloud.get("/v3/role_inferences").json["role_inferences"])
    assert cloud.call("PUT", f"/v3/roles/{two}/implies/{one}").status_code == 403  # a circle
    assert cloud.call("PUT", f"/v3/roles/{one}/implies/{cloud.id('roles', 'admin')}").status_code == 403
    assert cloud.call("DELETE", path).status_code == 204 and cloud.get(path).status_code == 404


def test_a_global_role_does_not_imply_a_domain_specific_one(cloud):
    own = cloud.make("/v3/roles", "role", name="own", domain_id="default")["id"]
    path = f"/v3/roles/{cloud.id('roles', 'member')}/implies/{own}"
    assert cloud.call("PUT", path).status_code == 403
    assert cloud.call("DELETE", path).status_code == 404
    assert cloud.get("/v3/roles/unknown/implies").status_code == 404
    assert cloud.get("/v3/role_inferences", "demo").status_code == 403
