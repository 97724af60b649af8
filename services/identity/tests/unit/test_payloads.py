import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from pileus_identity.core import keys, payloads
from pileus_identity.core.keys import KeyRing
from pileus_identity.core.payloads import KINDS, METHODS, Payload
from pileus_identity.errors import TokenNotFound

ID = st.one_of(
    st.just("default"), st.uuids().map(lambda u: u.hex), st.text("abcdef0123456789-", min_size=1, max_size=64)
)


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    keys.prepare(folder)
    return KeyRing(folder)


@given(
    user=ID,
    scope=st.none() | ID,
    kind=st.sampled_from(KINDS),
    methods=st.sets(st.sampled_from(METHODS), min_size=1),
    issued=st.integers(0, 2**52),
    loans=st.tuples(st.none() | ID, st.none() | ID, st.none() | ID),
)
def test_what_goes_in_comes_out(ring, user, scope, kind, methods, issued, loans):
    ordered = tuple(m for m in METHODS if m in methods)
    payload = Payload(user, ordered, kind, scope, issued, issued + 1, (payloads.audit_id(),), *loans)
    assert payloads.decode(ring, payloads.encode(ring, payload)) == payload


def test_a_token_is_short(ring):
    payload = Payload("a" * 32, ("password", "token"), "project", "b" * 32, 10**15, 10**15, (payloads.audit_id(),) * 2)
    assert len(payloads.encode(ring, payload)) < 255


@given(st.text(max_size=300))
def test_nonsense_is_an_unknown_token(ring, text):
    with pytest.raises(TokenNotFound):
        payloads.decode(ring, text)


def test_rotation_keeps_living_tokens_and_drops_dead_keys(tmp_path):
    keys.prepare(tmp_path)
    ring = KeyRing(tmp_path)
    old = ring.seal(b"x")
    staged = (tmp_path / "0").read_bytes()
    assert keys.rotate(tmp_path, 3600) == 2
    assert (tmp_path / "2").read_bytes() == staged  # what was staged is used now
    assert ring.open(old) == b"x" and ring.open(ring.seal(b"y")) == b"y"
    keys.rotate(tmp_path, 3600)
    assert ring.open(old) == b"x"
    keys.rotate(tmp_path, -1)  # as if nothing lived that long
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "4"]
    with pytest.raises(InvalidToken):
        ring.open(old)
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in tmp_path.iterdir())


def test_another_process_rotation_is_noticed(tmp_path):
    keys.prepare(tmp_path)
    mine, theirs = KeyRing(tmp_path), KeyRing(tmp_path)
    mine.seal(b"warm")
    keys.rotate(tmp_path, 3600)
    keys.rotate(tmp_path, 3600)
    assert mine.open(theirs.seal(b"new")) == b"new"
