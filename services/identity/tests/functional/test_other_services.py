"""Identity as another service uses it: the kit's peers and authenticator send it HTTP requests."""

import pytest

from pileus_kit.config import ServiceConfig
from pileus_kit.errors import Unauthorized
from pileus_kit.peers import Peers
from pileus_kit.testing import WsgiAdapter


@pytest.fixture
def peers(identity):
    config = ServiceConfig(service_user="compute", service_password="compute", identity_url="http://identity.test/v3")
    return Peers(config, {"http://identity.test": WsgiAdapter(identity.app)})


def after_a_second(authenticator):
    """Pretend that the last answer about revocations is a second old."""
    authenticator._asked = 0.0
    return authenticator


def test_a_service_validates_a_token_and_learns_of_its_revocation(cloud, peers):
    authenticator = peers.authenticator()
    token = cloud.token("demo")
    caller = authenticator(token)
    assert caller.user_name == "demo" and caller.roles == {"member", "reader"} and caller.project_name == "demo"
    assert after_a_second(authenticator)(token) is caller
    cloud.call("DELETE", "/v3/auth/tokens", "demo", X_Subject_Token=token)
    with pytest.raises(Unauthorized):
        after_a_second(authenticator)(token)


@pytest.mark.parametrize("change", ["role", "user", "project", "domain", "password"])
def test_a_service_learns_of_each_change_that_takes_rights_away(cloud, peers, change):
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    user = cloud.make("/v3/users", "user", name="u", password="p", domain_id=domain)["id"]
    project = cloud.make("/v3/projects", "project", name="p", domain_id=domain)["id"]
    grant = f"/v3/projects/{project}/users/{user}/roles/{cloud.id('roles', 'member')}"
    cloud.call("PUT", grant)
    token = cloud.login("u", "p", {"project": {"id": project}}, domain).headers["X-Subject-Token"]
    authenticator = peers.authenticator()
    assert authenticator(token).project_id == project
    change = {
        "role": lambda: cloud.call("DELETE", grant),
        "user": lambda: cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"enabled": False}}),
        "project": lambda: cloud.call("PATCH", f"/v3/projects/{project}", json={"project": {"enabled": False}}),
        "domain": lambda: cloud.call("PATCH", f"/v3/domains/{domain}", json={"domain": {"enabled": False}}),
        "password": lambda: cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"password": "new"}}),
    }[change]()
    assert change.status_code in (200, 204)
    with pytest.raises(Unauthorized):
        after_a_second(authenticator)(token)


def test_a_nonsense_token_is_unauthorized(peers):
    with pytest.raises(Unauthorized):
        peers.authenticator()("nonsense")
