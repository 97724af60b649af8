import base64

import pytest

from pileus_identity.core import totp

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
def test_the_vectors_of_the_standard(seconds, code):
    assert totp.at(SEED, seconds // 30) == code


def test_a_code_counts_for_a_minute(monkeypatch):
    seeds = [("a", SEED), ("b", "not base32!")]
    for seconds, found in ((59.0, ("a", 1)), (89.0, ("a", 1)), (120.0, None)):
        monkeypatch.setattr(totp.time, "time", lambda seconds=seconds: seconds)
        assert totp.find(seeds, "287082") == found
    assert totp.find([], "287082") is None and totp.find(seeds, "") is None
