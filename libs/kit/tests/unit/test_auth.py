"""Checked tokens are cached; a revocation drops them, and without an answer about revocations none is trusted."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from pileus_kit import auth
from pileus_kit.auth import Caller, IdentityDown, KeystoneAuthenticator, caller_of
from pileus_kit.errors import Unauthorized


class Identity:
    """What identity answers, and how often it was asked."""

    def __init__(self) -> None:
        self.validated: list[str] = []
        self.news: dict[str, Any] = {"serial": 0, "events": []}
        self.asked = 0
        self.is_down = False
        self.expires_at = "2099-01-01T00:00:00Z"

    def validate(self, token: str) -> Mapping[str, Any]:
        self.validated.append(token)
        if token == "bad":
            raise Unauthorized()
        domain = {"id": "default", "name": "Default"}
        return {
            "user": {"id": f"u-{token}", "name": token, "domain": domain},
            "project": {"id": f"p-{token}", "name": "p", "domain": domain},
            "roles": [{"name": "member"}],
            "audit_ids": [f"a-{token}"],
            "expires_at": self.expires_at,
        }

    def revoked(self, serial: int) -> Mapping[str, Any]:
        self.asked += 1
        if self.is_down:
            raise ConnectionError("no answer")
        return self.news


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
def check(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> KeystoneAuthenticator:
    """An authenticator for which an answer about revocations is old at once."""
    monkeypatch.setattr(auth, "FRESH_S", 0.0)
    return KeystoneAuthenticator(identity.validate, identity.revoked)


def test_a_token_is_validated_once(check: KeystoneAuthenticator, identity: Identity) -> None:
    assert check("t") == check("t")
    assert identity.validated == ["t"]
    assert check.knows("t")
    assert not check.knows("other")


def test_revocations_are_not_asked_for_while_the_answer_is_fresh(identity: Identity) -> None:
    check = KeystoneAuthenticator(identity.validate, identity.revoked)
    for _ in range(5):
        check("t")
    assert identity.asked == 1


@pytest.mark.parametrize("token", ["", "bad", "x" * 8193])
def test_other_tokens_are_refused(check: KeystoneAuthenticator, token: str) -> None:
    with pytest.raises(Unauthorized):
        check(token)


def test_an_expired_token_is_refused(check: KeystoneAuthenticator, identity: Identity) -> None:
    identity.expires_at = "2001-01-01T00:00:00Z"
    with pytest.raises(Unauthorized):
        check("t")


@pytest.mark.parametrize(
    ("event", "dropped"),
    [
        ({"audit_id": "a-t"}, True),
        ({"user_id": "u-t"}, True),
        ({"user_id": "u-t", "project_id": "p-t"}, True),
        ({"project_id": "p-t"}, True),
        ({"domain_id": "default"}, True),  # an event without an id that is known here drops every token
        ({"audit_id": "a-other"}, False),
        ({"user_id": "u-other"}, False),
        ({"user_id": "u-t", "project_id": "p-other"}, False),
    ],
)
def test_a_revocation_drops_the_tokens_that_it_affects(
    check: KeystoneAuthenticator, identity: Identity, event: dict[str, str], dropped: bool
) -> None:
    check("t")
    identity.news = {"serial": 1, "events": [event]}
    check("t")
    assert (identity.validated == ["t", "t"]) is dropped


def test_a_reset_drops_every_token(check: KeystoneAuthenticator, identity: Identity) -> None:
    check("t")
    identity.news = {"serial": 1, "events": [], "reset": True}
    check("t")
    assert identity.validated == ["t", "t"]


def test_a_token_that_was_validated_during_a_revocation_is_not_cached(
    check: KeystoneAuthenticator, identity: Identity
) -> None:
    validate = identity.validate

    def revoke_meanwhile(token: str) -> Mapping[str, Any]:
        view = validate(token)
        if len(identity.validated) == 1:
            identity.news = {"serial": 7, "events": [{"audit_id": "a-other"}]}
            check("another")
        return view

    check._validate = revoke_meanwhile  # type: ignore[method-assign]
    check("t")
    assert not check.knows("t")


def test_without_an_answer_no_cached_token_is_trusted(check: KeystoneAuthenticator, identity: Identity) -> None:
    check("t")
    identity.is_down = True
    with pytest.raises(IdentityDown):
        check("t")
    identity.is_down = False
    assert check("t").user_id == "u-t"
    assert identity.validated == ["t"], "nothing was revoked meanwhile"


def test_requests_do_not_wait_one_after_the_other_for_an_identity_that_hangs(identity: Identity) -> None:
    hang, begun = threading.Event(), threading.Event()

    def revoked(serial: int) -> Mapping[str, Any]:
        begun.set()
        hang.wait(60)
        raise ConnectionError("no answer")

    check = KeystoneAuthenticator(identity.validate, revoked)
    errors: list[Exception] = []

    def request() -> None:
        try:
            check("t")
        except IdentityDown as err:
            errors.append(err)

    threads = [threading.Thread(target=request) for _ in range(10)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    time.sleep(0.05)
    began = time.monotonic()
    hang.set()
    for thread in threads:
        thread.join(60)
    assert len(errors) == 10
    assert time.monotonic() - began < 5


def test_old_tokens_leave_the_cache(
    check: KeystoneAuthenticator, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MAX_CACHED_TOKENS", 2)
    for token in ("a", "b", "a", "c"):
        check(token)
    assert [check.knows(token) for token in ("a", "b", "c")] == [True, False, True]


def test_a_trust_is_revoked_with_either_of_its_users() -> None:
    domain = {"id": "default", "name": "Default"}
    view = {
        "user": {"id": "u", "name": "u", "domain": domain},
        "roles": [{"name": "member"}],
        "expires_at": "2099-01-01T00:00:00Z",
        "OS-TRUST:trust": {"id": "t", "trustor_user": {"id": "giver"}, "trustee_user": {"id": "taker"}},
        "application_credential": {"id": "ac", "access_rules": [{"service": "s", "method": "GET", "path": "/"}]},
        "system": {"all": True},
    }
    caller = caller_of("token", view)
    assert caller.delegators == ("giver", "taker")
    assert caller.is_delegated
    assert caller.access_rules == (("s", "GET", "/"),)
    assert caller.scope_type == "system"
    assert caller.owner == ("user", "u")


def test_the_facts_of_policies_leave_out_what_a_caller_lacks() -> None:
    facts = Caller(user_id="u", domain_id="d", roles=frozenset({"admin"})).credentials
    assert "project_id" not in facts
    assert facts["token"] == {"domain": {"id": "d"}}
    assert Caller(user_id="u", domain_id="d").scope_type == "domain"
    assert Caller(project_id="p", project_domain_id="d").credentials["token"] == {"project": {"domain": {"id": "d"}}}
    assert Caller(project_id="p").owner == ("project", "p")
    assert Caller(user_id="s", roles=frozenset({"service"})).owner == ("service", "s")
    assert Caller(roles=frozenset({"admin"})).is_admin
