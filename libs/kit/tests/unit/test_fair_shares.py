"""How many requests of one owner run and wait, and how a token's owner is known before it is authenticated."""

import pytest

from pileus_kit.http_server import fair_shares
from pileus_kit.http_server.fair_shares import FairShares, TooManyWaiting

ADDRESS = ("address", "192.0.2.1")


def test_requests_of_one_owner_are_first_come_first_served() -> None:
    shares: FairShares[str] = FairShares(2, 2)
    assert [shares.enter("p", name) for name in ("a", "b", "c", "d")] == [True, True, False, False]
    with pytest.raises(TooManyWaiting):
        shares.enter("p", "x")
    assert shares.enter("q", "e"), "another owner has a share of its own"
    assert [shares.leave("p") for _ in range(4)] == ["c", "d", None, None]
    assert shares.enter("p", "f")


def test_a_token_belongs_to_its_address_until_its_owner_is_known() -> None:
    shares: FairShares[str] = FairShares(2, 2)
    assert shares.owner("t", "192.0.2.1") == shares.owner("", "192.0.2.1") == ADDRESS
    shares.remember_owner("t", ("project", "p"))
    assert shares.owner("t", "192.0.2.1") == ("project", "p")
    assert shares.owner("", "192.0.2.1") == ADDRESS


def test_the_owners_of_old_tokens_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_shares, "MAX_TOKENS", 2)
    shares: FairShares[str] = FairShares(2, 2)
    for token in ("a", "b", "c"):
        shares.remember_owner(token, token)
    assert [shares.owner(token, "192.0.2.1") for token in ("a", "b", "c")] == [ADDRESS, "b", "c"]
