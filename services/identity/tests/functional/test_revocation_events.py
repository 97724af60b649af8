"""/v3/OS-REVOKE/events: the revocations of tokens, as Keystone lists them."""

from typing import Any
from urllib.parse import urlencode

import pytest

EVENTS = "/v3/OS-REVOKE/events"


def listed(cloud: Any, **query: str) -> Any:
    answer = cloud.get(f"{EVENTS}?{urlencode(query)}")
    assert answer.status_code == 200, answer.json
    return answer.json["events"]


def test_revocations_are_listed_with_what_they_name(cloud: Any) -> None:
    user = cloud.make("/v3/users", "user", name="leaver")["id"]
    project = cloud.make("/v3/projects", "project", name="short")["id"]
    token = cloud.token("demo")
    audit_id = cloud.check(token).json["token"]["audit_ids"][0]
    before = len(listed(cloud))
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"enabled": False}})
    cloud.call("PATCH", f"/v3/projects/{project}", json={"project": {"enabled": False}})
    cloud.call("DELETE", "/v3/auth/tokens", token, X_Subject_Token=token)
    of_user, of_project, of_token = listed(cloud)[before:]
    assert of_user["user_id"] == user and of_project["project_id"] == project and of_token["audit_id"] == audit_id
    assert set(of_user) == {"user_id", "issued_before", "revoked_at"}
    assert of_user["issued_before"] == of_user["revoked_at"] and of_user["revoked_at"].endswith("Z")


def test_what_leaves_tokens_valid_is_not_listed(cloud: Any) -> None:
    before = listed(cloud)
    cloud.call("PATCH", f"/v3/users/{cloud.id('users', 'demo')}", json={"user": {"email": "demo@example.org"}})
    cloud.make("/v3/services", "service", type="t", name="s")
    assert listed(cloud) == before


def test_since_lists_what_was_revoked_later(cloud: Any) -> None:
    for name in ("first", "second"):
        cloud.call("DELETE", f"/v3/users/{cloud.make('/v3/users', 'user', name=name)['id']}")
    first, second = listed(cloud)[-2:]
    assert listed(cloud, since=first["revoked_at"]) == [second]
    assert listed(cloud, since=second["revoked_at"]) == []
    assert listed(cloud, since="") == listed(cloud)


def test_the_list_has_links_and_head_no_body(cloud: Any) -> None:
    links = cloud.get(EVENTS).json["links"]
    assert links["self"].endswith(EVENTS) and links["next"] is None and links["previous"] is None
    head = cloud.call("HEAD", EVENTS)
    assert head.status_code == 200 and head.data == b""


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01T00:00:00Z", "x" * 65])
def test_a_since_that_is_no_time_is_refused(cloud: Any, since: str) -> None:
    assert cloud.get(f"{EVENTS}?since={since}").status_code == 400


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("demo", 403), ("manager", 403), ("compute", 200)])
def test_administrators_and_services_list_revocations(cloud: Any, who: str | None, status: int) -> None:
    assert cloud.get(EVENTS, who).status_code == status
    assert cloud.call("HEAD", EVENTS, who).status_code == status
