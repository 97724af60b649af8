"""What threads that look up the same standing at the same time end up with."""

import threading

from pileus_identity.core import ledger, standings
from pileus_identity.core.standings import Place
from pileus_identity.testing import IdentityFixture


def demo(identity):
    token = identity.tools.tokens.check(identity.token("demo"))
    with identity.tools.change() as session:
        ledger.record(session)  # forget what the login has looked up
    identity.tools.tokens.standings.ledger.look()
    return Place.of(token.payload)


def in_threads(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_two_look_ups_at_once_give_one_standing(monkeypatch):
    with IdentityFixture() as identity:
        place, known = demo(identity), identity.tools.tokens.standings
        both, real, found = threading.Barrier(2), standings.look_up, []

        def together(*args):
            both.wait(10)
            return real(*args)

        monkeypatch.setattr(standings, "look_up", together)
        in_threads(*[lambda: found.append(known.of(place))] * 2)
        assert found[0] is found[1] and not found[0].stale
        with identity.tools.change() as session:
            ledger.record(session, user_id=place.user_id)
        known.ledger.look()
        assert found[0].stale


def test_a_change_during_a_look_up_leaves_nothing_stale_behind(monkeypatch):
    with IdentityFixture() as identity:
        place, known, real = demo(identity), identity.tools.tokens.standings, standings.look_up

        def overtaken(*args):
            standing = real(*args)
            with identity.tools.change() as session:
                ledger.record(session, user_id=place.user_id)
            known.ledger.look()
            return standing

        monkeypatch.setattr(standings, "look_up", overtaken)
        assert known.of(place).stale  # good for one answer, and not remembered
        monkeypatch.setattr(standings, "look_up", real)
        assert not known.of(place).stale
