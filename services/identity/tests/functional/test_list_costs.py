"""No list of identity needs more statements for more rows."""

from collections.abc import Callable
from typing import Any

import pytest

from pileus_identity.db.models import AccessToken, Consumer
from pileus_kit.testing import assert_flat


class Rows:
    """Creates the i-th row of each resource."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.demo = cloud.id("users", "demo")
        self.project, self.member = cloud.id("projects", "demo"), cloud.id("roles", "member")
        self.service = cloud.make("/v3/services", "service", type="t", name="s")["id"]
        self.group = cloud.make("/v3/groups", "group", name="base")["id"]

    def projects(self, i: int) -> None:
        self.cloud.make("/v3/projects", "project", name=f"p{i}", tags=[f"t{i}"])

    def users(self, i: int) -> None:
        self.cloud.make("/v3/users", "user", name=f"u{i}", email=f"u{i}@example.org")

    def groups(self, i: int) -> None:
        self.cloud.make("/v3/groups", "group", name=f"g{i}")

    def roles(self, i: int) -> None:
        self.cloud.make("/v3/roles", "role", name=f"r{i}")

    def domains(self, i: int) -> None:
        self.cloud.make("/v3/domains", "domain", name=f"d{i}")

    def regions(self, i: int) -> None:
        self.cloud.make("/v3/regions", "region", id=f"r{i}")

    def services(self, i: int) -> None:
        self.cloud.make("/v3/services", "service", type=f"t{i}", name=f"s{i}")

    def endpoints(self, i: int) -> None:
        self.cloud.make("/v3/endpoints", "endpoint", service_id=self.service, interface="public", url=f"http://x/{i}")

    def credentials(self, i: int) -> None:
        self.cloud.make("/v3/credentials", "credential", type="cert", blob=f"b{i}", user_id=self.demo)

    def application_credentials(self, i: int) -> None:
        self.cloud.make(
            f"/v3/users/{self.demo}/application_credentials", "application_credential", who="demo", name=f"a{i}"
        )

    def grants(self, i: int) -> None:
        user = self.cloud.make("/v3/users", "user", name=f"u{i}")["id"]
        path = f"/v3/projects/{self.project}/users/{user}/roles/{self.member}"
        assert self.cloud.call("PUT", path).status_code == 204

    def members(self, i: int) -> None:
        user = self.cloud.make("/v3/users", "user", name=f"u{i}")["id"]
        assert self.cloud.call("PUT", f"/v3/groups/{self.group}/users/{user}").status_code == 204

    def consumers(self, i: int) -> None:
        self.cloud.make("/v3/OS-OAUTH1/consumers", "consumer", description=f"c{i}")

    def access_tokens(self, i: int) -> None:
        """Insert a token as the exchange of a request token would; another test covers the signatures."""
        with self.cloud.identity.sessions.begin() as session:
            if i == 0:
                session.add(Consumer(id="consumer", secret=""))
                session.flush()
            session.add(
                AccessToken(
                    consumer_id="consumer",
                    user_id=self.demo,
                    project_id=self.project,
                    secret="",
                    role_ids=[self.member],
                )
            )

    def revocation_events(self, i: int) -> None:
        user = self.cloud.make("/v3/users", "user", name=f"u{i}")["id"]
        assert self.cloud.call("DELETE", f"/v3/users/{user}").status_code == 204

    def limits(self, i: int) -> None:
        limit = {"service_id": self.service, "resource_name": f"r{i}", "default_limit": i}
        assert self.cloud.post("/v3/registered_limits", {"registered_limits": [limit]}).status_code == 201


LISTS: dict[str, tuple[Callable[[Rows, int], None], str]] = {  # path: what makes a row, the key of the list
    "/v3/projects": (Rows.projects, "projects"),
    "/v3/users": (Rows.users, "users"),
    "/v3/groups": (Rows.groups, "groups"),
    "/v3/roles": (Rows.roles, "roles"),
    "/v3/domains": (Rows.domains, "domains"),
    "/v3/regions": (Rows.regions, "regions"),
    "/v3/services": (Rows.services, "services"),
    "/v3/endpoints": (Rows.endpoints, "endpoints"),
    "/v3/credentials": (Rows.credentials, "credentials"),
    "/v3/users/{demo}/application_credentials": (Rows.application_credentials, "application_credentials"),
    "/v3/role_assignments": (Rows.grants, "role_assignments"),
    "/v3/role_assignments?effective=true&include_names=true": (Rows.grants, "role_assignments"),
    "/v3/OS-OAUTH1/consumers": (Rows.consumers, "consumers"),
    "/v3/users/{demo}/OS-OAUTH1/access_tokens": (Rows.access_tokens, "access_tokens"),
    "/v3/OS-REVOKE/events": (Rows.revocation_events, "events"),
    "/v3/groups/{group}/users": (Rows.members, "users"),
    "/v3/registered_limits": (Rows.limits, "registered_limits"),
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_whatever_its_length(cloud: Any, path: str) -> None:
    rows = Rows(cloud)
    make, key = LISTS[path]

    def look() -> int:
        answer = cloud.get(path.format(demo=rows.demo, group=rows.group), "demo" if "application" in path else "admin")
        assert answer.status_code == 200, answer.json
        return len(answer.json[key])

    assert_flat(cloud.identity.sessions, lambda i: make(rows, i), look)
