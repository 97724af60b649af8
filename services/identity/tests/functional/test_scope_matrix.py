"""Every route is requested by callers of all kinds, for their own domain and a foreign one.

The table (scope_matrix.txt) has the status of each answer. No change is kept, so that all requests find the same
resources. PILEUS_WRITE_TABLES=1 rewrites the table; read the difference.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pileus_kit.testing.matrix import assert_table, routes

NOWHERE = "11111111-2222-3333-4444-555555555555"


class NotKept(Exception):
    pass


@pytest.fixture
def unchanged(worlds, identity, monkeypatch):
    """Requests are answered as if their changes were kept, but they are rolled back."""

    @contextmanager
    def change() -> Iterator[object]:
        with suppress(NotKept), identity.sessions.begin() as session:
            yield session
            raise NotKept

    monkeypatch.setattr(identity.tools, "change", change)
    return worlds


def body(method: str, rule: str, world) -> object:
    """A valid body for a route and a domain; None if the route takes none."""
    if method == "POST":
        return {
            "/v3/users": {"user": {"name": "new", "domain_id": world.domain}},
            "/v3/groups": {"group": {"name": "new", "domain_id": world.domain}},
            "/v3/projects": {"project": {"name": "new", "domain_id": world.domain}},
            "/v3/domains": {"domain": {"name": "new"}},
            "/v3/roles": {"role": {"name": "new"}},
            "/v3/services": {"service": {"type": "new"}},
            "/v3/regions": {"region": {"id": "new"}},
            "/v3/credentials": {"credential": {"type": "cert", "blob": "x", "user_id": world.user}},
            "/v3/OS-TRUST/trusts": {
                "trust": {"trustor_user_id": world.user, "trustee_user_id": world.user, "impersonation": False}
            },
            "/v3/users/<user_id>/application_credentials": {"application_credential": {"name": "new"}},
            "/v3/users/<user_id>/credentials/OS-EC2": {"tenant_id": world.project},
            "/v3/OS-OAUTH1/consumers": {"consumer": {}},
        }.get(rule, {})
    noun = rule.split("/")[2].removesuffix("s")
    return {"PATCH": {noun: {"description": "changed"}}, "PUT": {"tags": ["red"]}}.get(method)


def matrix(identity, worlds) -> str:
    mine, other, tokens = worlds
    lines = [f"{'':7}{'':78}{'whose':7}" + " ".join(f"{name:>9}" for name in tokens)]
    for method, rule, _, about in routes(identity.app, {}):
        if not about.get("policy"):
            continue
        for whose, world in (("mine", mine), ("other", other)):
            path, sent = _path(rule, world), body(method, rule, world)
            if world is other and (path, sent) == (_path(rule, mine), body(method, rule, mine)):
                continue  # the route is about no domain
            found = [mine.cloud.call(method, path, who, sent).status_code for who in tokens.values()]
            assert 500 not in found, f"{method} {path} answers 500"
            lines.append(f"{method:7}{rule:78}{whose:7}" + " ".join(f"{status:>9}" for status in found))
    return "\n".join(lines) + "\n"


def _path(rule: str, world) -> str:
    known = world.values(rule)
    return re.sub(r"<(\w+)>", lambda match: known.get(match[1], NOWHERE), rule)


def test_callers_get_as_far_as_the_reviewed_table_says(identity, unchanged):
    assert_table(matrix(identity, unchanged), Path(__file__).with_name("scope_matrix.txt"))


LISTS = {"users": "domain_id", "groups": "domain_id", "projects": "domain_id", "domains": "id"}


@pytest.mark.parametrize("who", ["d:reader", "d:manager", "d:admin"])
def test_a_token_of_a_domain_lists_what_is_in_that_domain(worlds, who):
    mine, other, tokens = worlds
    for kind, home in LISTS.items():
        for query in ("", f"?name={other.name}-{kind.removesuffix('s')}", f"?domain_id={other.domain}"):
            found = mine.cloud.get(f"/v3/{kind}{query}", tokens[who]).json[kind]
            assert {one[home] for one in found} <= {mine.domain}, (kind, query)
            assert found or query
    given = mine.cloud.get("/v3/role_assignments", tokens[who]).json["role_assignments"]
    scopes = [one["scope"] for one in given]
    assert scopes and {s["domain"]["id"] for s in scopes if "domain" in s} <= {mine.domain}
    assert {s["project"]["id"] for s in scopes if "project" in s} == {mine.project}
    assert {one["project_id"] for one in mine.cloud.get("/v3/limits", tokens[who]).json["limits"]} == {mine.project}
    assert mine.cloud.get("/v3/credentials", tokens[who]).json["credentials"] == []


FOR_SERVICES = {
    "identity:validate_token",
    "identity:list_revoke_events",
    "identity:s3tokens_validate",
    "identity:ec2tokens_validate",
    "identity:list_limits",
    "identity:list_registered_limits",
    "identity:get_registered_limit",
    "identity:get_limit_model",
    "identity:get_security_compliance_domain_config",
    "identity:list_regions",
    "identity:get_region",
    "identity:get_auth_catalog",
    "identity:get_auth_projects",
    "identity:get_auth_domains",
    "identity:get_auth_system",
    "identity:revoke_token",
    "identity:list_credentials",
    "identity:get_user",  # their own token, secrets and user
}


def test_a_service_user_can_do_nothing_else(identity, unchanged):
    """A user with only the role `service` may do what the other services need, and what any token allows."""
    mine, other, tokens = unchanged
    let_in = set()
    for method, rule, _, about in routes(identity.app, {}):
        for world in (mine, other) if about.get("policy") else ():
            answer = mine.cloud.call(method, _path(rule, world), tokens["service"], body(method, rule, world))
            if answer.status_code != 403:
                unknown = (
                    answer.status_code == 404
                    and mine.cloud.call(
                        method, _path(rule, world), tokens["unscoped"], body(method, rule, world)
                    ).status_code
                    == 404
                )
                let_in |= set() if unknown else {about["policy"]}
    assert let_in <= FOR_SERVICES, let_in - FOR_SERVICES
    assert {"identity:validate_token", "identity:list_revoke_events", "identity:list_limits"} <= let_in


def test_services_see_the_limits_of_all_projects(worlds):
    mine, other, tokens = worlds
    found = {one["project_id"] for one in mine.cloud.get("/v3/limits", tokens["service"]).json["limits"]}
    assert found == {mine.project, other.project}
