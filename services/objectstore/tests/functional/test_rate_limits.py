"""Swift's rate limits: who comes too early waits, or is told to slow down.

A rate of one in a quarter of an hour makes the second request the one that is refused, however slow the machine is.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from s3_clients import s3_store

from pileus_kit.testing.callers import make_caller
from pileus_objectstore.testing import ObjectStoreFixture

SELDOM = 1 / 900
HEADER = "X-Account-Sysmeta-Global-Write-Ratelimit"


def limited(store: ObjectStoreFixture, value: str, account: str = "/v1/AUTH_p1") -> int:
    """An operator limits all writes to the account."""
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    return store.client.post(account, headers={HEADER: value}, as_=reseller).status_code


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(
        tmp_path,
        account_ratelimit=SELDOM,
        container_ratelimits=(f"1={SELDOM}",),
        container_listing_ratelimits=(f"1={SELDOM}",),
        ratelimit_max_sleep_s=1.0,
    )
    yield fixture
    fixture.close()


def test_containers_of_an_account(strict: ObjectStoreFixture) -> None:
    assert strict.client.put(f"{strict.account}/a").status_code == 201
    refused = strict.client.put(f"{strict.account}/b")
    assert (refused.status, refused.data) == ("498 Rate Limited", b"Slow down")
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert strict.client.delete(f"{strict.account}/a").status_code == 498
    assert strict.client.post(f"{strict.account}/a", headers={"X-Container-Meta-A": "1"}).status_code == 204
    assert strict.client.put("/v1/AUTH_p2/a", as_=strict.tokens.other).status_code == 201


def test_objects_and_lists_of_a_container_that_has_grown(strict: ObjectStoreFixture) -> None:
    path = f"{strict.account}/a"
    strict.client.put(path)
    for name in "op":
        assert strict.client.put(f"{path}/{name}", data=b"x").status_code == 201
    strict.drain()
    assert strict.client.head(path).headers["X-Container-Object-Count"] == "2"
    assert strict.client.get(path).data == b"o\np\n"
    assert strict.client.get(path).status_code == 498
    assert strict.client.head(path).status_code == 204
    assert strict.client.put(f"{path}/q", data=b"x").status_code == 201
    for method in ("PUT", "POST", "DELETE"):
        assert strict.client.request(method, f"{path}/o").status_code == 498
    assert strict.client.request("COPY", f"{path}/o", headers={"Destination": "a/r"}).status_code == 498
    assert strict.client.get(f"{path}/o").data == b"x"
    names = strict.client.post(f"{strict.account}?bulk-delete", data="a/o\n", headers={"Accept": "application/json"})
    assert names.json["Errors"] == [["/a/o", "498 Rate Limited"]]
    info = strict.client.get("/info").json["ratelimit"]
    assert (info["container_ratelimits"], info["max_sleep_time_seconds"]) == ([[1, SELDOM]], 1.0)


def test_strangers_use_up_no_limit(strict: ObjectStoreFixture) -> None:
    for _ in range(3):
        assert strict.client.put(f"{strict.account}/a", as_=strict.tokens.other).status_code == 403
        assert strict.client.put(f"{strict.account}/a", anonymous=True).status_code == 401
    assert strict.client.put(f"{strict.account}/a").status_code == 201


def test_all_writes_of_an_account(store: ObjectStoreFixture, container: str) -> None:
    assert "ratelimit" not in store.client.get("/info").json
    assert limited(store, str(SELDOM)) == 204
    assert store.client.put(f"{container}/o", data=b"x").status_code == 201
    assert store.client.put(f"{container}/p", data=b"x").status_code == 498
    assert store.client.post(store.account, headers={"X-Account-Meta-A": "1"}).status_code == 498
    assert store.client.get(f"{container}/o").status_code == 200
    assert limited(store, "") == 204
    assert store.client.put(f"{container}/p", data=b"x").status_code == 201


def test_a_blacklisted_account_is_locked_out(store: ObjectStoreFixture, container: str) -> None:
    store.client.post(container, headers={"X-Container-Read": ".r:*"})
    store.client.put(f"{container}/o", data=b"x")
    assert limited(store, "BLACKLIST") == 204
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert store.client.request(method, f"{container}/o", data=b"x").status == "497 Blacklisted"
    refused = store.client.get(f"{container}/o", anonymous=True)
    assert (refused.status_code, refused.data) == (497, b"Your account has been blacklisted")
    assert store.client.get(store.account).status_code == 497
    assert limited(store, "") == 204
    assert store.client.get(f"{container}/o").data == b"x"


def test_a_whitelisted_account_has_no_limit(strict: ObjectStoreFixture) -> None:
    assert limited(strict, "WHITELIST") == 204
    for name in "abc":
        assert strict.client.put(f"{strict.account}/{name}").status_code == 201


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e999", "whitelist", "x"])
def test_hostile_limits(store: ObjectStoreFixture, value: str) -> None:
    assert limited(store, value) == 400


def test_only_operators_set_limits(store: ObjectStoreFixture, container: str) -> None:
    for caller in (store.tokens.member, store.tokens.admin):
        assert store.client.post(store.account, headers={HEADER: "WHITELIST"}, as_=caller).status_code == 403
    assert limited(store, "100") == 204
    assert HEADER not in store.client.head(store.account).headers


def test_a_request_waits_for_its_turn(tmp_path: Path) -> None:
    store = ObjectStoreFixture(tmp_path, account_ratelimit=10.0)
    try:
        began = time.monotonic()
        for name in "abcd":
            assert store.client.put(f"{store.account}/{name}").status_code == 201
        assert time.monotonic() - began >= 0.3
    finally:
        store.close()


def test_an_option_that_means_nothing_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SIZE=RATE"):
        ObjectStoreFixture(tmp_path, container_ratelimits=("10=0",)).close()


def test_s3_answers_slow_down(tmp_path: Path) -> None:
    with s3_store(tmp_path, account_ratelimit=SELDOM, ratelimit_max_sleep_s=1.0) as s3:
        boto = s3.client()
        boto.create_bucket(Bucket="pictures")
        with pytest.raises(ClientError) as caught:
            boto.create_bucket(Bucket="films")
        answer = caught.value.response
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (503, "SlowDown")
        assert limited(s3.store, "BLACKLIST", f"/v1/AUTH_{boto.list_buckets()['Owner']['ID']}") == 204
        with pytest.raises(ClientError) as caught:
            for _ in range(200):  # the proxy may remember the account's head for a second
                boto.list_objects_v2(Bucket="pictures")
                time.sleep(0.05)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_s3_answers_with_a_clients_error_where_the_operator_wants_it(tmp_path: Path) -> None:
    options = {"account_ratelimit": SELDOM, "ratelimit_max_sleep_s": 1.0, "ratelimit_as_client_error": True}
    with s3_store(tmp_path, **options) as s3:
        boto = s3.client()
        boto.create_bucket(Bucket="pictures")
        with pytest.raises(ClientError) as caught:
            boto.create_bucket(Bucket="films")
        answer = caught.value.response
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (429, "SlowDown")
        assert "retry-after" in answer["ResponseMetadata"]["HTTPHeaders"]
