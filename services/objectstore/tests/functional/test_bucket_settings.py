"""Settings of buckets are kept beside Swift's metadata, out of the reach of Swift's API."""

import msgspec
import pytest

from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.core.access import PROJECT_DOMAIN
from pileus_objectstore.core.bucket_settings import MAX_TOTAL_BYTES, Setting
from pileus_objectstore.core.names import Target
from pileus_objectstore.testing import ObjectStoreFixture


class Colours(msgspec.Struct, frozen=True):
    names: tuple[str, ...]


COLOURS, SHADES = Setting("Colours", Colours), Setting("Shades", Colours)
BUCKET = Target("AUTH_p1", "c")
VALUE = Colours(('"quoted"', "grün\n"))


def test_a_setting_is_kept_until_it_is_removed(store: ObjectStoreFixture, container: str) -> None:
    tools = store.app.tools
    assert COLOURS.load(tools, BUCKET) is None
    COLOURS.store(tools, BUCKET, VALUE)
    assert COLOURS.load(tools, BUCKET, fresh=True) == VALUE and SHADES.load(tools, BUCKET) is None
    assert COLOURS.of(tools.listing_cache.get(BUCKET)) == VALUE
    COLOURS.store(tools, BUCKET, None)
    assert COLOURS.load(tools, BUCKET) is None
    COLOURS.store(tools, BUCKET, VALUE)
    store.client.delete(container)
    store.client.put(container)
    assert COLOURS.load(tools, BUCKET, fresh=True) is None, "a new container begins without settings"
    with pytest.raises(NotFound):
        COLOURS.store(tools, Target("AUTH_p1", "none"), VALUE)


def test_all_settings_together_have_a_limit(store: ObjectStoreFixture, container: str) -> None:
    COLOURS.store(store.app.tools, BUCKET, Colours(("x" * (MAX_TOTAL_BYTES - 1000),)))
    with pytest.raises(BadRequest):
        SHADES.store(store.app.tools, BUCKET, Colours(("x" * 1000,)))
    assert store.client.head(container).status_code == 204


def test_swift_neither_shows_nor_changes_them(store: ObjectStoreFixture, container: str) -> None:
    COLOURS.store(store.app.tools, BUCKET, VALUE)
    for headers in ({COLOURS.header: "x"}, {f"X-Remove-{COLOURS.header[2:]}": "x"}):
        assert store.client.post(container, headers=headers).status_code == 204
        assert store.client.put(container, headers=headers).status_code == 202
    assert COLOURS.load(store.app.tools, BUCKET, fresh=True) == VALUE
    assert "Sysmeta" not in str(store.client.head(container).headers)


def test_the_domain_of_an_account_stays(store: ObjectStoreFixture, container: str) -> None:
    account, tools = Target("AUTH_p1"), store.app.tools
    before = tools.listing_cache.get(account, fresh=True)
    assert store.client.post(store.account, headers={f"X-Remove-{PROJECT_DOMAIN[2:]}": "x"}).status_code == 204
    after = tools.listing_cache.get(account, fresh=True)
    assert before and after and after.value(PROJECT_DOMAIN) == before.value(PROJECT_DOMAIN) != ""
