"""Delegated tokens are revoked with the users whose rights they carry, as other services see it."""

import pytest

from pileus_kit.config import ServiceConfig
from pileus_kit.errors import Unauthorized
from pileus_kit.peers import Peers
from pileus_kit.testing import WsgiAdapter


class Delegation:
    """A trustor and a trustee, each in another domain, and a project in the trustor's domain."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.home = {name: cloud.make("/v3/domains", "domain", name=name)["id"] for name in ("trustor", "trustee")}
        self.user = {
            name: cloud.make("/v3/users", "user", name=name, password=name, domain_id=self.home[name])["id"]
            for name in self.home
        }
        self.project = cloud.make("/v3/projects", "project", name="p", domain_id=self.home["trustor"])["id"]
        self.delegated_role = cloud.make("/v3/roles", "role", name="delegated")[
            "id"
        ]  # implies member, which can't be deleted
        cloud.call("PUT", f"/v3/roles/{self.delegated_role}/implies/{cloud.id('roles', 'member')}")
        self.role = f"/v3/projects/{self.project}/users/{self.user['trustor']}/roles/{self.delegated_role}"
        cloud.call("PUT", self.role)

    def login(self, name, scope):
        answer = self.cloud.login(name, name, scope, self.home[name])
        assert answer.status_code == 201, answer.json
        return answer.headers["X-Subject-Token"]

    def trustor(self):
        return self.login("trustor", {"project": {"id": self.project}})

    def trust(self, impersonation):
        self.trust_id = self.cloud.make(
            "/v3/OS-TRUST/trusts",
            "trust",
            self.trustor(),
            trustor_user_id=self.user["trustor"],
            trustee_user_id=self.user["trustee"],
            project_id=self.project,
            impersonation=impersonation,
            roles=[{"name": "delegated"}],
        )["id"]
        return self.login("trustee", {"OS-TRUST:trust": {"id": self.trust_id}})

    def key_of(self, token):
        path = f"/v3/users/{self.user['trustor']}/credentials/OS-EC2"
        made = self.cloud.post(path, {"tenant_id": self.project}, token)
        return self.cloud.signed_in(made.json["credential"]).headers["X-Subject-Token"]

    def application_credential(self):
        made = self.cloud.make(
            f"/v3/users/{self.user['trustor']}/application_credentials",
            "application_credential",
            self.trustor(),
            name="ci",
            unrestricted=True,
        )
        identity = {
            "methods": ["application_credential"],
            "application_credential": {"id": made["id"], "secret": made["secret"]},
        }
        return self.cloud.post("/v3/auth/tokens", {"auth": {"identity": identity}}, None).headers["X-Subject-Token"]


TOKENS = {
    "trust": lambda d: d.trust(True),
    "trust without impersonation": lambda d: d.trust(False),
    "key of a trust": lambda d: d.key_of(d.trust(True)),
    "key": lambda d: d.key_of(d.trustor()),
    "application credential": lambda d: d.application_credential(),
    "key of an application credential": lambda d: d.key_of(d.application_credential()),
}
BOTH = [name for name in TOKENS if "trust" in name]


def patch(cloud, kind, id, **body):
    assert cloud.call("PATCH", f"/v3/{kind}s/{id}", json={kind: body}).status_code == 200


def delete(cloud, path):
    assert cloud.call("DELETE", path).status_code == 204


def changes(who):
    return {
        f"the {who} is disabled": lambda c, d: patch(c, "user", d.user[who], enabled=False),
        f"the {who}'s password changes": lambda c, d: patch(c, "user", d.user[who], password="new"),
        f"the {who} is deleted": lambda c, d: delete(c, f"/v3/users/{d.user[who]}"),
        f"the {who}'s domain is disabled": lambda c, d: patch(c, "domain", d.home[who], enabled=False),
    }


TRUSTOR = changes("trustor") | {
    "the project is disabled": lambda c, d: patch(c, "project", d.project, enabled=False),
    "the role is taken away": lambda c, d: delete(c, d.role),
    "the role is deleted": lambda c, d: delete(c, f"/v3/roles/{d.delegated_role}"),
}
TRUSTEE = changes("trustee") | {"the trust is deleted": lambda c, d: delete(c, f"/v3/OS-TRUST/trusts/{d.trust_id}")}
CASES = [(kind, name, change) for kind in TOKENS for name, change in TRUSTOR.items()] + [
    (kind, name, change) for kind in BOTH for name, change in TRUSTEE.items()
]


@pytest.mark.parametrize(("kind", "change"), [(k, c) for k, _, c in CASES], ids=[f"{k}: {n}" for k, n, _ in CASES])
def test_other_services_refuse_a_delegated_token_after_a_change(identity, cloud, kind, change):
    config = ServiceConfig(service_user="compute", service_password="compute", identity_url="http://identity.test/v3")
    authenticator = Peers(config, {"http://identity.test": WsgiAdapter(identity.app)}).authenticator()
    delegation = Delegation(cloud)
    token = TOKENS[kind](delegation)
    assert authenticator(token).project_id == delegation.project
    change(cloud, delegation)
    authenticator._asked = 0.0  # as if the last answer about revocations were a second old
    with pytest.raises(Unauthorized):
        authenticator(token)
