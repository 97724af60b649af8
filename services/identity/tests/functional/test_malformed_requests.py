"""Requests that no client sends on purpose are refused with their cause, and never a 500."""

import pytest

BEYOND = ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")  # times that have no year in UTC


@pytest.mark.parametrize("when", BEYOND)
def test_a_time_beyond_the_calendar_is_refused(cloud, when):
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


def test_a_null_where_openstacks_schema_has_none_is_refused(cloud):
    me, project = cloud.id("users", "demo"), cloud.id("projects", "demo")
    compute = cloud.get("/v3/services?type=compute").json["services"][0]["id"]
    bodies = [
        (
            f"/v3/users/{me}/application_credentials",
            {"application_credential": {"name": "x", "access_rules": None}},
            "demo",
        ),
        (
            "/v3/endpoints",
            {"endpoint": {"service_id": compute, "interface": "public", "url": "http://x", "enabled": None}},
            "admin",
        ),
        (
            "/v3/OS-TRUST/trusts",
            {"trust": {"trustor_user_id": me, "trustee_user_id": me, "impersonation": None}},
            "demo",
        ),
        ("/v3/credentials", {"credential": {"type": "totp", "blob": None}}, "demo"),
        (f"/v3/users/{me}/credentials/OS-EC2", {"tenant_id": None}, "demo"),
        (
            "/v3/registered_limits",
            {"registered_limits": [{"service_id": compute, "resource_name": "x", "default_limit": None}]},
            "admin",
        ),
        (
            "/v3/limits",
            {"limits": [{"service_id": compute, "resource_name": "x", "resource_limit": None, "project_id": project}]},
            "admin",
        ),
    ]
    for path, body, who in bodies:
        assert cloud.post(path, body, who).status_code == 400, path
