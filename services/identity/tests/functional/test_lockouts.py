"""Lockouts: guesses of passwords and codes are bounded, and a stranger's guesses don't lock the user out."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from pileus_identity.core.totp import code_at
from pileus_identity.db.models import User
from pileus_kit.db import now

SEED = "JBSWY3DPEHPK3PXP"
HOME, STRANGER = "192.0.2.1", "203.0.113.9"


def login(cloud, password="demo", source=HOME, code=None):
    """The status of a login of `demo` from an address, with two factors if a code is given."""
    identity = {
        "methods": ["password"],
        "password": {"user": {"name": "demo", "domain": {"id": "default"}, "password": password}},
    }
    if code is not None:
        identity["methods"].append("totp")
        identity["totp"] = {"user": {"name": "demo", "domain": {"id": "default"}, "passcode": code}}
    return cloud.identity.client.post(
        "/v3/auth/tokens", json={"auth": {"identity": identity}}, environ_base={"REMOTE_ADDR": source}
    ).status_code


def pass_time(cloud, seconds):
    """Pretend that so many seconds have passed since the last failure."""
    with cloud.identity.sessions.begin() as session:
        session.execute(update(User).values(failed_auth_at=now() - timedelta(seconds=seconds)))


def failed_auth_count(cloud):
    with cloud.identity.sessions.read() as session:
        return session.query(User.failed_auth_count).filter(User.name == "demo").scalar()


def test_wrong_passwords_lock_a_user_by_default(cloud):
    assert [login(cloud, "wrong") for _ in range(5)] == [401] * 5
    assert login(cloud) == 401 and failed_auth_count(cloud) == 5
    pass_time(cloud, 11)
    assert login(cloud) == 201 and failed_auth_count(cloud) == 0


def test_locks_grow_to_the_maximum_and_attempts_do_not_prolong_them(cloud_with):
    cloud = cloud_with(lockout_failure_attempts=2, lockout_duration_s=30)
    for count, seconds in ((2, 10), (3, 20), (4, 30), (5, 30)):
        while failed_auth_count(cloud) < count:
            login(cloud, "wrong")
        pass_time(cloud, seconds - 2)
        assert login(cloud, "wrong") == 401 and login(cloud) == 401 and failed_auth_count(cloud) == count
        pass_time(cloud, seconds + 1)


def test_failures_of_a_stranger_do_not_lock_the_user_out(cloud):
    assert login(cloud) == 201
    for _ in range(8):
        login(cloud, "wrong", STRANGER)
    assert login(cloud, source=STRANGER) == 401
    assert login(cloud) == 201


def test_failures_from_a_known_address_lock_it(cloud):
    assert login(cloud) == 201
    for _ in range(5):
        assert login(cloud, "wrong") == 401
    assert login(cloud) == 401
    user = cloud.id("users", "demo")
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"enabled": True}})  # an administrator unlocks
    assert login(cloud) == 201


@pytest.fixture
def guarded(cloud):
    cloud.make("/v3/credentials", "credential", "demo", type="totp", blob=SEED)
    return cloud


def wrong_code():
    right = {code_at(SEED, int(time.time()) // 30 + step).decode() for step in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in right)


def test_a_right_password_does_not_reset_the_count_of_wrong_codes(guarded):
    assert [login(guarded, code=wrong_code()) for _ in range(5)] == [401] * 5
    assert login(guarded, code=code_at(SEED, int(time.time()) // 30).decode()) == 401


def test_a_code_is_accepted_once_by_all_processes(guarded):
    code = code_at(SEED, int(time.time()) // 30).decode()
    assert login(guarded, code=code) == 201
    guarded.restart()
    assert login(guarded, code=code) == 401


def test_the_number_of_statements_does_not_tell_which_users_exist(guarded):
    """A user's failure is written down, so that one of an unknown or locked user has to cost as much."""
    statements = []

    def note(*given):
        if "revocation_serial" not in given[2] and "revocations" not in given[2]:  # read once a second
            statements.append(given[2].split()[0])

    event.listen(guarded.identity.sessions.engine, "before_cursor_execute", note)

    def cost(name, **method):
        statements.clear()
        user = {"name": name, "domain": {"id": "default"}}
        identity = {"methods": list(method), **{key: {"user": user | value} for key, value in method.items()}}
        answer = guarded.post("/v3/auth/tokens", {"auth": {"identity": identity}}, None)
        assert answer.status_code == 401
        return [word for word in statements if word in ("SELECT", "UPDATE", "INSERT")]

    guess = {"password": {"password": "wrong"}}, {"totp": {"passcode": wrong_code()}}
    cost("nobody", **guess[0])  # the first makes a row
    for method in guess:
        unknown = cost("nobody", **method)
        assert "UPDATE" in unknown
        assert cost("demo", **method) == cost("other", **method) == unknown
    while failed_auth_count(guarded) < 5:
        cost("demo", **guess[0])
    for method in guess:
        assert cost("demo", **method) == cost("nobody", **method)  # locked by now
