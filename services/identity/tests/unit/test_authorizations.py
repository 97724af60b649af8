"""Authorizations that several threads load at the same time, or that change meanwhile."""

import threading

from pileus_identity.core import authorization_loading, revocations
from pileus_identity.core.authorizations import AuthScope
from pileus_identity.testing import IdentityFixture


def demo(identity):
    token = identity.tools.tokens.validate(identity.token("demo"))
    with identity.tools.change() as session:
        revocations.invalidate_authorizations(session)  # drop what the login has cached
    identity.tools.tokens.authorizations.revocation_log.refresh()
    return AuthScope.of(token.payload)


def in_threads(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_two_threads_that_load_at_once_share_one_authorization(monkeypatch):
    with IdentityFixture() as identity:
        scope, cache = demo(identity), identity.tools.tokens.authorizations
        both, real, found = threading.Barrier(2), authorization_loading.load_authorization, []

        def load_at_once(*args):
            both.wait(60)
            return real(*args)

        monkeypatch.setattr(cache, "_load", load_at_once)
        in_threads(*[lambda: found.append(cache.get(scope))] * 2)
        assert found[0] is found[1] and not found[0].stale
        with identity.tools.change() as session:
            revocations.invalidate_authorizations(session, user_id=scope.user_id)
        cache.revocation_log.refresh()
        assert found[0].stale


def test_an_authorization_that_was_invalidated_while_it_was_loaded_is_not_cached(monkeypatch):
    with IdentityFixture() as identity:
        scope, cache, real = (
            demo(identity),
            identity.tools.tokens.authorizations,
            authorization_loading.load_authorization,
        )

        def load_and_invalidate(*args):
            authorization = real(*args)
            with identity.tools.change() as session:
                revocations.invalidate_authorizations(session, user_id=scope.user_id)
            cache.revocation_log.refresh()
            return authorization

        monkeypatch.setattr(cache, "_load", load_and_invalidate)
        assert cache.get(scope).stale  # it serves one answer and is not cached
        monkeypatch.setattr(cache, "_load", real)
        assert not cache.get(scope).stale
