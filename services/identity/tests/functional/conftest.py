"""Two domains with a resource of each kind, and callers of all kinds, for the scope matrix; an OAuth1 program."""

from typing import Any

import pytest
from oauth1_program import Program, give

PASSWORD = "a long password"
DOMAIN_ROLES = ("reader", "manager", "admin")


class World:
    """A domain called `name` with a project, a user who is a member of it, a group, a role, limits and secrets."""

    def __init__(self, cloud: Any, name: str) -> None:
        self.cloud, self.name = cloud, name
        self.domain = cloud.make("/v3/domains", "domain", name=name)["id"]
        self.project = cloud.make(
            "/v3/projects", "project", name=f"{name}-project", domain_id=self.domain, tags=["blue"]
        )["id"]
        self.user = self.person("user", member=self.project)
        self.group = cloud.make("/v3/groups", "group", name=f"{name}-group", domain_id=self.domain)["id"]
        cloud.call("PUT", f"/v3/groups/{self.group}/users/{self.user}")
        self.role = cloud.make("/v3/roles", "role", name=f"{name}-role", domain_id=self.domain)["id"]
        self.reader = cloud.id("roles", "reader")
        self._limits()
        self._secrets()

    def person(self, name: str, **projects: str) -> str:
        """Create a user of the domain; `member=PROJECT` grants that role on the project."""
        made = self.cloud.make(
            "/v3/users", "user", name=f"{self.name}-{name}", domain_id=self.domain, password=PASSWORD
        )["id"]
        for role, project in projects.items():
            self.give(made, role, f"projects/{project}")
        return str(made)

    def give(self, user: str, role: str, where: str) -> None:
        answer = self.cloud.call("PUT", f"/v3/{where}/users/{user}/roles/{self.cloud.id('roles', role)}")
        assert answer.status_code == 204, answer.json

    def login(self, user: str, scope: Any) -> str:
        auth = {
            "identity": {"methods": ["password"], "password": {"user": {"id": user, "password": PASSWORD}}},
            "scope": scope,
        }
        answer = self.cloud.post("/v3/auth/tokens", {"auth": auth}, None)
        assert answer.status_code == 201, answer.json
        return str(answer.headers["X-Subject-Token"])

    def _limits(self) -> None:
        service = self.cloud.get("/v3/services?type=compute").json["services"][0]["id"]
        known = {"service_id": service, "resource_name": "cores"}
        if not self.cloud.get("/v3/registered_limits?resource_name=cores").json["registered_limits"]:
            self.cloud.post("/v3/registered_limits", {"registered_limits": [known | {"default_limit": 1}]})
        made = self.cloud.post("/v3/limits", {"limits": [known | {"project_id": self.project, "resource_limit": 2}]})
        self.limit = made.json["limits"][0]["id"]

    def _secrets(self) -> None:
        token = self.login(self.user, {"project": {"id": self.project}})
        make, mine = self.cloud.make, f"/v3/users/{self.user}"
        made = make(
            f"{mine}/application_credentials",
            "application_credential",
            token,
            name="ci",
            access_rules=[{"service": "compute", "method": "GET", "path": "/v2.1/servers"}],
        )
        self.application_credential, self.access_rule = made["id"], made["access_rules"][0]["id"]
        self.access = self.cloud.post(f"{mine}/credentials/OS-EC2", {"tenant_id": self.project}, token).json[
            "credential"
        ]["access"]
        self.credential = make("/v3/credentials", "credential", token, type="totp", blob="GEZDGNBVGY3TQOJQ")["id"]
        self.trust = make(
            "/v3/OS-TRUST/trusts",
            "trust",
            token,
            trustor_user_id=self.user,
            impersonation=True,
            trustee_user_id=self.cloud.id("users", "demo"),
            project_id=self.project,
            roles=[{"name": "member"}],
        )["id"]

    def values(self, rule: str) -> dict[str, str]:
        """The values of a route's placeholders in this domain."""
        return {
            "project_id": self.project,
            "user_id": self.user,
            "group_id": self.group,
            "domain_id": self.domain,
            "limit_id": self.limit,
            "trust_id": self.trust,
            "access": self.access,
            "rule_id": self.access_rule,
            "role_id": self.reader,
            "tag": "blue",
            "prior_id": self.role,
            "implied_id": self.reader,
            "credential_id": self.application_credential if "application" in rule else self.credential,
            "actor_id": self.user if "/users/" in rule else self.group,
            "target_id": self.project if "/projects/" in rule else self.domain,
        }


def callers(cloud: Any, mine: World, other: World) -> dict[str, str | None]:
    """The tokens of all kinds of callers by name; a dash marks those of the other domain."""
    tokens: dict[str, str | None] = {"none": None, "unscoped": mine.login(mine.person("unscoped"), "unscoped")}
    for world, mark in ((mine, ""), (other, "-")):
        for role in ("reader", "member", "manager")[1 if mark else 0 : 2 if mark else 3]:
            user = world.person(f"project-{role}", **{role: world.project})
            tokens[f"{mark}p:{role}"] = world.login(user, {"project": {"id": world.project}})
        for role in DOMAIN_ROLES:
            user = world.person(f"domain-{role}")
            world.give(user, role, f"domains/{world.domain}")
            tokens[f"{mark}d:{role}"] = world.login(user, {"domain": {"id": world.domain}})
    for role in ("reader", "member", "admin"):
        user = mine.person(f"system-{role}")
        mine.give(user, role, "system")
        tokens[f"s:{role}"] = mine.login(user, {"system": {"all": True}})
    return tokens | {
        "p:admin": cloud.token("admin"),
        "service": cloud.token("compute"),
        "owner": mine.login(mine.user, {"project": {"id": mine.project}}),
    }


@pytest.fixture
def worlds(cloud: Any) -> tuple[World, World, dict[str, str | None]]:
    """Two domains, the tokens of all kinds of callers of the first, and some of the second."""
    mine, other = World(cloud, "mine"), World(cloud, "other")
    return mine, other, callers(cloud, mine, other)


@pytest.fixture
def program(cloud):
    """The administrator has roles in project `demo`, too: by default only administrators may authorize."""
    give(cloud, "admin")
    return Program(cloud)
