"""The revocation log with many threads, after restarts, and with other processes on the same database."""

import threading

import pytest

from pileus_identity.core import revocations
from pileus_identity.core.tools import Tools
from pileus_identity.testing import IdentityFixture
from pileus_kit.errors import Unauthorized


def test_events_are_in_the_order_of_their_commits():
    with IdentityFixture() as identity:
        log = identity.tools.tokens.authorizations.revocation_log
        start = log.refresh()

        def write() -> None:
            for _ in range(10):
                with identity.tools.change() as session:
                    revocations.invalidate_authorizations(session, user_id="u")

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        serial, events, incomplete = log.events_since(start)
        assert not incomplete and serial == start + 40
        assert [event.serial for event in events] == list(range(start + 1, start + 41))


def test_a_service_that_is_too_far_behind_has_to_drop_everything(monkeypatch):
    monkeypatch.setattr(revocations, "MAX_EVENTS", 5)
    with IdentityFixture() as identity:
        log = Tools(identity.config, identity.sessions).tokens.authorizations.revocation_log
        start = log.refresh()
        for _ in range(8):
            with identity.tools.change() as session:
                revocations.invalidate_authorizations(session, user_id="u")
        log.mark_changed()
        assert log.events_since(start)[2] is True
        assert log.events_since(start + 3)[2] is False and len(log.events_since(start + 3)[1]) == 5
        assert log.events_since(start + 100)[2] is True  # another database, or one restored from a backup


def test_a_revocation_survives_a_restart_and_reaches_other_processes():
    with IdentityFixture() as identity:
        token = identity.token("demo")
        other = Tools(identity.config, identity.sessions)
        assert other.authenticate(token).user_name == "demo"
        audit_id = identity.tools.tokens.validate(token).payload.audit_ids[0]
        with identity.tools.change() as session:
            revocations.revoke_tokens(session, audit_id=audit_id)
        other.tokens.authorizations.revocation_log.mark_changed()  # it does this by itself within a second
        for tools in (other, Tools(identity.config, identity.sessions)):
            with pytest.raises(Unauthorized):
                tools.authenticate(token)


def test_old_events_are_pruned():
    with IdentityFixture() as identity:
        with identity.tools.change() as session:
            revocations.invalidate_authorizations(session, user_id="u")
        with identity.sessions.begin() as session:
            revocations.prune(session, -7200)
        restarted = Tools(identity.config, identity.sessions).tokens.authorizations.revocation_log
        assert restarted.events_since(restarted.refresh()) == (restarted.serial, [], False)


def test_all_threads_wait_while_a_change_is_being_read(monkeypatch):
    with IdentityFixture() as identity:
        log = identity.tools.tokens.authorizations.revocation_log
        log.refresh()
        reading, go_on = threading.Event(), threading.Event()
        read = log._read

        def slow() -> None:
            reading.set()
            go_on.wait(60)
            read()

        monkeypatch.setattr(log, "_read", slow)
        with identity.tools.change() as session:
            revocations.invalidate_authorizations(session, user_id="u")
        first, second = threading.Thread(target=log.refresh), threading.Thread(target=log.refresh)
        first.start()
        assert reading.wait(60)
        second.start()
        second.join(0.2)
        assert second.is_alive()
        go_on.set()
        first.join()
        second.join()


@pytest.mark.parametrize("ids", [{}, {"user_id": "u", "project_id": "p"}])
def test_a_revocation_names_exactly_one_thing(ids):
    with IdentityFixture() as identity, identity.sessions.begin() as session:
        with pytest.raises(ValueError, match="exactly one"):
            revocations.revoke_tokens(session, **ids)


def test_old_revocations_are_pruned_from_memory(monkeypatch):
    monkeypatch.setattr(revocations, "PRUNE_ABOVE", 1)
    with IdentityFixture(token_expiration_s=-10) as identity:
        log = identity.tools.tokens.authorizations.revocation_log
        for user in ("a", "b", "c"):
            with identity.tools.change() as session:
                revocations.revoke_tokens(session, user_id=user)
        log.refresh()
        assert log._revoked_before == {}  # no token is valid for that long
