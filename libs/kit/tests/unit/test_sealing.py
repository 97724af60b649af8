"""Secrets in the database: sealed with the newest key, readable with every key, and unreadable without one."""

from collections.abc import Iterator

import pytest
from cryptography.fernet import InvalidToken

from pileus_kit import sealing


@pytest.fixture(autouse=True)
def keys() -> Iterator[None]:
    before = list(sealing._ring)
    sealing.use_keys(["first"])
    yield
    sealing._ring[:] = before


def test_a_text_is_sealed_and_unsealed() -> None:
    stored = sealing.seal("pässword")
    assert stored and stored.startswith("sealed:") and "pässword" not in stored
    assert sealing.unseal(stored) == "pässword"


def test_no_text_stays_no_text() -> None:
    assert sealing.seal(None) is sealing.unseal(None) is sealing.reseal(None) is None


def test_a_text_from_before_there_was_sealing_is_readable() -> None:
    assert sealing.unseal("plain") == "plain"
    resealed = sealing.reseal("plain")
    assert resealed != "plain"
    assert sealing.unseal(resealed) == "plain"


def test_a_new_key_is_put_before_the_old_one() -> None:
    old = sealing.seal("x")
    sealing.use_keys(["second", "first"])
    assert sealing.unseal(old) == "x"
    new = sealing.reseal(old)
    sealing.use_keys(["second"])
    assert sealing.unseal(new) == "x"
    with pytest.raises(InvalidToken):
        sealing.unseal(old)


@pytest.mark.parametrize("phrases", [[], [""]])
def test_without_keys_nothing_is_sealed(phrases: list[str]) -> None:
    stored = sealing.seal("x")
    sealing.use_keys(phrases)
    with pytest.raises(sealing.NoKeys):
        sealing.seal("x")
    with pytest.raises(sealing.NoKeys):
        sealing.unseal(stored)
