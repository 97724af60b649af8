"""Every route is requested by callers of all kinds. Their tokens are real, because identity issues them itself."""

from pathlib import Path
from types import SimpleNamespace

import msgspec

from pileus_kit.auth import Caller
from pileus_kit.testing import assert_policy_matrix


def _on(cloud, place, role, scope):
    """The token of a new user with a role in a scope."""
    user = cloud.make("/v3/users", "user", name=f"{role}-of-{place}", password="secret")["id"]
    cloud.call("PUT", f"/v3/{place}/users/{user}/roles/{cloud.id('roles', role)}")
    return cloud.login(f"{role}-of-{place}", "secret", scope).headers["X-Subject-Token"]


def test_callers_get_as_far_as_the_reviewed_table_says(cloud, identity):
    cloud.make("/v3/users", "user", name="nobody", password="nobody")
    who = {
        "without_roles": "nobody",
        "reader": "reader",
        "other": "other",
        "member": "demo",
        "manager": "manager",
        "admin": "admin",
        "service": "compute",
        "system_admin": "admin@system",
    }
    book = {name: Caller(token=cloud.token(user)) for name, user in who.items()}
    book |= {
        "domain_admin": Caller(token=_on(cloud, "domains/default", "admin", {"domain": {"id": "default"}})),
        "system_reader": Caller(token=_on(cloud, "system", "reader", {"system": {"all": True}})),
    }
    revoked = identity.token("admin")
    cloud.call("DELETE", "/v3/auth/tokens", X_Subject_Token=revoked)
    expired = identity.token("admin")
    known = identity.tools.tokens._cached[expired]
    known.payload = msgspec.structs.replace(known.payload, expires=0)
    book |= {"revoked": Caller(token=revoked), "expired": Caller(token=expired)}
    samples = {"project_id": "nothing", "user_id": "nobody"}
    assert_policy_matrix(
        identity.app,
        SimpleNamespace(**book),
        Path(__file__).with_name("policy_matrix.txt"),  # type: ignore[arg-type]
        samples=samples,
    )
