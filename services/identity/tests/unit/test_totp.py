import base64

import pytest

from pileus_identity.core import totp

SEED = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(("seconds", "code"), [  # RFC 6238, appendix B, the last six of its eight digits
    (59, b"287082"), (1111111109, b"081804"), (1111111111, b"050471"), (1234567890, b"005924"), (2000000000, b"279037"),
    (20000000000, b"353130")])
def test_the_vectors_of_the_standard(seconds, code):
    assert totp.at(SEED, seconds // 30) == code


def test_a_code_counts_once_and_for_a_minute(monkeypatch):
    codes, seeds = totp.Codes(), [("a", SEED), ("b", "not base32!")]
    monkeypatch.setattr(totp.time, "time", lambda: 59.0)
    assert codes.matches(seeds, "287082")
    assert not codes.matches(seeds, "287082")
    monkeypatch.setattr(totp.time, "time", lambda: 89.0)
    assert totp.Codes().matches(seeds, "287082")
    monkeypatch.setattr(totp.time, "time", lambda: 120.0)
    assert not totp.Codes().matches(seeds, "287082")
    assert not codes.matches([], "287082") and not codes.matches(seeds, "")
