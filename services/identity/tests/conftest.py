"""A bootstrapped identity for each test, and callers for it."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from werkzeug.test import TestResponse

from pileus_identity.app import create
from pileus_identity.core.tools import Tools
from pileus_identity.policy import RULES
from pileus_identity.testing import IdentityFixture
from pileus_kit.policy import Enforcer


class Cloud:
    """HTTP into identity as somebody: `cloud.get("/v3/users", "admin")`; `who` is a user of the fixture or a token."""

    def __init__(self, identity: IdentityFixture) -> None:
        self.identity = identity
        self._tokens: dict[str, str] = {}

    def token(self, who: str) -> str:
        if len(who) > 40:
            return who
        if who not in self._tokens:
            self._tokens[who] = self.identity.token(who.removesuffix("@system"), system=who.endswith("@system"))
        return self._tokens[who]

    def call(self, method: str, path: str, who: str | None = "admin", json: Any = None, **headers: str) -> TestResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if who:
            given["X-Auth-Token"] = self.token(who)
        return self.identity.client.open(path, method=method, json=json, headers=given)

    def get(self, path: str, who: str | None = "admin", **headers: str) -> TestResponse:
        return self.call("GET", path, who, **headers)

    def post(self, path: str, json: Any, who: str | None = "admin") -> TestResponse:
        return self.call("POST", path, who, json)

    def make(self, path: str, key: str, who: str = "admin", **body: Any) -> Any:
        """Create a resource and give its view."""
        answer = self.post(path, {key: body}, who)
        assert answer.status_code == 201, answer.json
        return answer.json[key]  # type: ignore[index]

    def login(self, name: str, password: str, scope: Any = None, domain: str = "default") -> TestResponse:
        user = {"name": name, "domain": {"id": domain}, "password": password}
        auth: Any = {"identity": {"methods": ["password"], "password": {"user": user}}}
        if scope is not None:
            auth["scope"] = scope
        return self.post("/v3/auth/tokens", {"auth": auth}, None)

    def restart(self) -> None:
        """Replace the application by one that has just been started on the same database."""
        self.identity.tools = Tools(self.identity.config, self.identity.sessions)
        self.identity.app = create(self.identity.tools, Enforcer(RULES))
        self.identity.client = self.identity.app.test_client()

    def signed_in(self, key: Any) -> TestResponse:
        """What a service is told of a request that was signed with an access key."""
        text = b"GET\n\n"
        signature = base64.b64encode(hmac.new(key["secret"].encode(), text, hashlib.sha1).digest()).decode()
        given = {"access": key["access"], "token": base64.b64encode(text).decode(), "signature": signature}
        return self.post("/v3/s3tokens", {"credentials": given}, "objectstore")

    def check(self, token: str, who: str = "compute") -> TestResponse:
        return self.get("/v3/auth/tokens", who, X_Subject_Token=token)

    def id(self, kind: str, name: str) -> str:
        return self.get(f"/v3/{kind}?name={name}").json[kind][0]["id"]  # type: ignore[index,no-any-return]


@pytest.fixture
def identity() -> Iterator[IdentityFixture]:
    with IdentityFixture() as fixture:
        yield fixture


@pytest.fixture
def cloud(identity: IdentityFixture) -> Cloud:
    return Cloud(identity)


@pytest.fixture
def cloud_with() -> Iterator[Callable[..., Cloud]]:
    """A cloud whose operator set some options: `cloud_with(lockout_failure_attempts=3)`."""
    with ExitStack() as stack:
        yield lambda **config: Cloud(stack.enter_context(IdentityFixture(**config)))
