"""What we rely on in libraries beyond their documented interfaces; an upgrade that changes it fails here."""

import sqlite3
from pathlib import Path

import msgspec
import pytest
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_etags, parse_range_header
from werkzeug.sansio.multipart import Data, Field, MultipartDecoder, NeedData, Preamble, State

from pileus_objectstore.storage.listing_schema import empty_database
from pileus_objectstore.wire.contract import ListingInfo


def test_werkzeugs_decoder_shows_the_end_of_a_form_in_its_state() -> None:
    """api/multipart_forms.py stops there, instead of reading an epilogue of any length."""
    decoder = MultipartDecoder(b"x", 100)
    decoder.receive_data(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n--x--\r\n')
    events = [decoder.next_event() for _ in range(3)]
    assert [type(event) for event in events] == [Preamble, Field, Data]
    assert decoder.state == State.EPILOGUE
    assert isinstance(decoder.next_event(), NeedData)


def test_werkzeugs_decoder_bounds_what_it_holds() -> None:
    decoder = MultipartDecoder(b"x", 10)
    with pytest.raises(RequestEntityTooLarge):
        decoder.receive_data(b"y" * 11)


def test_werkzeug_takes_etags_without_quotes() -> None:
    """Swift's clients send ETags without quotes."""
    assert parse_etags("d41d8cd98f00b204e9800998ecf8427e").contains_weak("d41d8cd98f00b204e9800998ecf8427e")
    assert parse_etags('W/"a", b').contains_weak("b")
    assert parse_etags("*").contains_weak("anything")


def test_werkzeugs_ranges_end_exclusively() -> None:
    parsed = parse_range_header("bytes=2-4")
    assert parsed is not None
    assert parsed.ranges == [(2, 5)]


def test_a_database_that_was_serialized_opens_with_a_write_ahead_log(tmp_path: Path) -> None:
    """storage/listing_database.py writes the header's version bytes itself."""
    path = tmp_path / "listing.db"
    path.write_bytes(empty_database(ListingInfo("c", put="1")))
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        (value,) = db.execute("SELECT value FROM head").fetchone()
        assert msgspec.json.decode(value) == {"name": "c", "put": "1"}
    finally:
        db.close()
