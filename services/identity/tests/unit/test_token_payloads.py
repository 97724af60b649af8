"""Payloads of tokens, and the keys with which they are encrypted."""

import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from pileus_identity.core import fernet_keys, token_payloads
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.token_payloads import KINDS, METHODS, Payload
from pileus_identity.errors import TokenNotFound

ID = st.one_of(
    st.just("default"), st.uuids().map(lambda u: u.hex), st.text("abcdef0123456789-", min_size=1, max_size=64)
)


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    fernet_keys.prepare(folder)
    return KeyRing(folder)


@given(
    user=ID,
    scope=st.none() | ID,
    kind=st.sampled_from(KINDS),
    methods=st.sets(st.sampled_from(METHODS), min_size=1),
    issued=st.integers(0, 2**52),
    delegations=st.tuples(st.none() | ID, st.none() | ID, st.none() | ID),
)
def test_a_payload_is_decoded_as_it_was_encoded(ring, user, scope, kind, methods, issued, delegations):
    ordered = tuple(m for m in METHODS if m in methods)
    payload = Payload(user, ordered, kind, scope, issued, issued + 1, (token_payloads.new_audit_id(),), *delegations)
    assert token_payloads.decode(ring, token_payloads.encode(ring, payload)) == payload


def test_a_token_is_short(ring):
    payload = Payload(
        "a" * 32, ("password", "token"), "project", "b" * 32, 10**15, 10**15, (token_payloads.new_audit_id(),) * 2
    )
    assert len(token_payloads.encode(ring, payload)) < 255


@given(st.text(max_size=300))
def test_a_text_that_is_no_token_is_unknown(ring, text):
    with pytest.raises(TokenNotFound):
        token_payloads.decode(ring, text)


def test_a_rotation_keeps_valid_tokens_and_deletes_unused_keys(tmp_path):
    fernet_keys.prepare(tmp_path)
    ring = KeyRing(tmp_path)
    old = ring.encrypt(b"x")
    staged = (tmp_path / "0").read_bytes()
    assert fernet_keys.rotate(tmp_path, 3600) == 2
    assert (tmp_path / "2").read_bytes() == staged  # the staged key is the primary one now
    assert ring.decrypt(old) == b"x" and ring.decrypt(ring.encrypt(b"y")) == b"y"
    fernet_keys.rotate(tmp_path, 3600)
    assert ring.decrypt(old) == b"x"
    fernet_keys.rotate(tmp_path, -1)  # as if no token were valid for that long
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "4"]
    with pytest.raises(InvalidToken):
        ring.decrypt(old)
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in tmp_path.iterdir())


def test_another_process_rotation_is_noticed(tmp_path):
    fernet_keys.prepare(tmp_path)
    mine, theirs = KeyRing(tmp_path), KeyRing(tmp_path)
    mine.encrypt(b"warm")
    fernet_keys.rotate(tmp_path, 3600)
    fernet_keys.rotate(tmp_path, 3600)
    assert mine.decrypt(theirs.encrypt(b"new")) == b"new"
