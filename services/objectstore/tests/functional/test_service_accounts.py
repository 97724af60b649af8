"""Accounts of services: their prefix asks for a service's token beside the user's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.testing import ObjectStoreFixture


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(tmp_path, service_prefix="SERVICE_")
    yield fixture
    fixture.close()


def test_user_and_service_together_have_the_account(store: ObjectStoreFixture) -> None:
    path, both = "/v1/SERVICE_p1/c", {"X-Service-Token": store.tokens.service.token}
    assert store.client.put(path).status_code == 403
    assert store.client.put(path, headers=both).status_code == 201
    assert store.client.get(path, headers=both).status_code == 204
    assert store.client.get(path).status_code == 403
    assert store.client.get(path, as_=store.tokens.service).status_code == 403
    assert store.client.get(path, headers=both, as_=store.tokens.other).status_code == 403
    assert store.client.get(path, headers={"X-Service-Token": store.tokens.other.token}).status_code == 403
    assert store.client.get("/v1/AUTH_p1/c", headers=both).status_code == 404
