"""What threads that look up the same standing at the same time end up with."""

import threading

from pileus_identity.core import authorization_loading, revocations
from pileus_identity.core.authorizations import AuthScope
from pileus_identity.testing import IdentityFixture


def demo(identity):
    token = identity.tools.tokens.validate(identity.token("demo"))
    with identity.tools.change() as session:
        revocations.invalidate_authorizations(session)  # forget what the login has looked up
    identity.tools.tokens.authorizations.revocation_log.refresh()
    return AuthScope.of(token.payload)


def in_threads(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_two_threads_that_load_at_once_share_one_authorization(monkeypatch):
    with IdentityFixture() as identity:
        place, known = demo(identity), identity.tools.tokens.authorizations
        both, real, found = threading.Barrier(2), authorization_loading.load_authorization, []

        def together(*args):
            both.wait(10)
            return real(*args)

        monkeypatch.setattr(known, "_load", together)
        in_threads(*[lambda: found.append(known.get(place))] * 2)
        assert found[0] is found[1] and not found[0].stale
        with identity.tools.change() as session:
            revocations.invalidate_authorizations(session, user_id=place.user_id)
        known.revocation_log.refresh()
        assert found[0].stale


def test_an_authorization_that_was_invalidated_while_it_was_loaded_is_not_cached(monkeypatch):
    with IdentityFixture() as identity:
        place, known, real = (
            demo(identity),
            identity.tools.tokens.authorizations,
            authorization_loading.load_authorization,
        )

        def overtaken(*args):
            standing = real(*args)
            with identity.tools.change() as session:
                revocations.invalidate_authorizations(session, user_id=place.user_id)
            known.revocation_log.refresh()
            return standing

        monkeypatch.setattr(known, "_load", overtaken)
        assert known.get(place).stale  # good for one answer, and not remembered
        monkeypatch.setattr(known, "_load", real)
        assert not known.get(place).stale
