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
    """Sends requests to identity: `cloud.get("/v3/users", "admin")`. `who` is a user of the fixture, or a token."""

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
        """Create a resource and return its view."""
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

    def check_crud(self, path: str, key: str, body: Any, change: Any) -> None:
        """A resource is created, shown, listed, updated and deleted; without it all calls answer 404."""
        created = self.make(path, key, **body)
        one = f"{path}/{created['id']}"
        assert "password" not in created and created["links"]["self"].endswith(one)
        shown = self.get(one)
        assert shown.status_code == 200 and shown.json[key] == created  # type: ignore[index]
        assert {name: value for name, value in body.items() if name != "password"}.items() <= created.items()
        assert created in self.get(path).json[path.rpartition("/")[2]]  # type: ignore[index]
        changed = self.call("PATCH", one, json={key: change})
        assert changed.status_code == 200, changed.json
        assert change.items() <= changed.json[key].items()  # type: ignore[index]
        assert self.get(one).json[key] == changed.json[key]  # type: ignore[index]
        assert self.call("DELETE", one).status_code == 204
        for method, sent in (("GET", None), ("DELETE", None), ("PATCH", {key: change})):
            assert self.call(method, one, json=sent).status_code == 404

    def check_unique_names(self, path: str, key: str) -> None:
        """A name is taken once; one that is missing, empty, too long or no text is refused."""
        self.make(path, key, name="twice")
        assert self.post(path, {key: {"name": "twice"}}).status_code == 409
        other = self.make(path, key, name="once")
        assert self.call("PATCH", f"{path}/{other['id']}", json={key: {"name": "twice"}}).status_code == 409
        for name in ("", " ", "x" * 256, None, 5):
            assert self.post(path, {key: {"name": name}}).status_code == 400
        assert self.post(path, {key: {}}).status_code == 400
        assert self.post(path, {}).status_code == 400
        assert self.call("PATCH", f"{path}/{other['id']}", json={key: {"id": "new", "name": 3}}).status_code == 400

    def check_null_is_refused(self, path: str, key: str, body: Any, name: str) -> None:
        """A null where OpenStack's schema has none is refused at creation and at change."""
        assert self.post(path, {key: body | {name: None}}).status_code == 400
        created = self.make(path, key, **body)
        assert self.call("PATCH", f"{path}/{created['id']}", json={key: {name: None}}).status_code == 400
        assert self.get(f"{path}/{created['id']}").json[key] == created  # type: ignore[index]

    def check_fixed_id(self, path: str, key: str, body: Any) -> None:
        """An update that names another id is refused, one that names the same id is not."""
        created = self.make(path, key, **body)
        one = f"{path}/{created['id']}"
        assert self.call("PATCH", one, json={key: {"id": "another"}}).status_code == 400
        assert self.call("PATCH", one, json={key: {"id": created["id"]}}).status_code == 200
        assert self.get(one).json[key] == created  # type: ignore[index]

    def signed_in(self, key: Any) -> TestResponse:
        """The answer to a service that asks about a request which was signed with an access key."""
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
