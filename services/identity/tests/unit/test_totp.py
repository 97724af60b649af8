"""One-time codes against the vectors of the standard, and the steps in which they are accepted."""

import base64

import pytest

from pileus_identity.core import totp
from pileus_identity.core.totp import Seed, TotpMatch

SEED = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [  # RFC 6238, appendix B, the last six of its eight digits
        (59, b"287082"),
        (1111111109, b"081804"),
        (1111111111, b"050471"),
        (1234567890, b"005924"),
        (2000000000, b"279037"),
        (20000000000, b"353130"),
    ],
)
def test_codes_match_the_vectors_of_rfc_6238(seconds, code):
    assert totp.code_at(SEED, seconds // 30) == code


def test_a_code_is_accepted_for_a_minute(monkeypatch):
    seeds = [Seed("a", SEED), Seed("b", "not base32!")]
    for seconds, found in ((59.0, TotpMatch("a", 1)), (89.0, TotpMatch("a", 1)), (120.0, None)):
        monkeypatch.setattr(totp.time, "time", lambda seconds=seconds: seconds)
        assert totp.match(seeds, "287082") == found
    assert totp.match([], "287082") is None and totp.match(seeds, "") is None


def test_an_empty_seed_and_one_that_is_not_base32_match_nothing():
    assert totp.code_at("not base32!", 1) is None
    assert totp.match([Seed("a", "")], "000000") is None
