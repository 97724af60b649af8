"""Formats of listings."""

from pileus_objectstore.api.listing_formats import media_type
from pileus_objectstore.core.timestamps import iso


def test_accept() -> None:
    for accept, media in (
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("application/*", "application/json"),
        ("text/xml", "text/xml"),
        ("application/xml;q=0.4, application/json;q=0.5", "application/json"),
        ("image/png, */*;q=0.1", "text/plain"),
    ):
        assert media_type({}, accept) == media
    assert media_type({"format": "json"}, "text/plain") == "application/json"
    assert media_type({"format": "nonsense"}, "application/json") == "text/plain"


def test_iso() -> None:
    assert iso("1389804102.12345") == "2014-01-15T16:41:42.123450"
