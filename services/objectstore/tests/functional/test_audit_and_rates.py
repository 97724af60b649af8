"""The proxy writes audit records and limits rates like all services, but answers in Swift's form."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from pileus_kit.testing import Client
from pileus_objectstore.api import RESOURCES
from pileus_objectstore.api.proxy import Proxy
from pileus_objectstore.testing import ObjectStoreFixture


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(r.getMessage()) for r in caplog.records if r.name == "pileus.audit"]


def test_writes_and_refusals_have_audit_records(
    store: ObjectStoreFixture, container: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pileus.audit")
    written = store.client.put(f"{container}/o?x=abcdef", data=b"x")
    store.client.get(f"{container}/o")
    store.client.get(f"{container}/o", as_=store.tokens.other)
    store.client.delete(f"{container}/o", anonymous=True)
    first, second, third = lines(caplog)
    assert (first["request_id"], first["rule"]) == (written.headers["X-Trans-Id"], "objectstore:object:create")
    assert (first["path"], first["status"], first["project_id"]) == (f"{container}/o", 201, "p1")
    assert (second["status"], second["user_id"], second["method"]) == (403, "u-other", "GET")
    assert (third["status"], "user_id" in third) == (401, False)


def test_a_project_has_its_rate(store: ObjectStoreFixture, container: str) -> None:
    few = replace(store.config, requests_per_minute=6, request_burst=2, refusals_per_minute=6, refusal_burst=2)
    proxy = Proxy(replace(store.app.tools, config=few), RESOURCES, store.app.keys)
    client = Client(proxy, as_=store.tokens.member)
    assert [client.get(container).status_code for _ in range(3)] == [204, 204, 429]
    assert int(client.get(container).headers["Retry-After"]) >= 1
    assert [client.get(container, as_="token-guess").status_code for _ in range(3)] == [401, 401, 429]
    assert client.get(container, as_=store.tokens.other).status_code == 403


def test_doubled_slashes_are_part_of_a_name(store: ObjectStoreFixture, container: str) -> None:
    assert store.client.put(f"{container}/a//b", data=b"two").status_code == 201
    assert store.client.get(f"{container}/a/b").status_code == 404
    assert store.client.get(f"{container}/a//b").data == b"two"
