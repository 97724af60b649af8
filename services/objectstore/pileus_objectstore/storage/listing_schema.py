"""The tables of a listing, and the bytes of one without rows."""

import sqlite3

import msgspec

from pileus_objectstore.wire.contract import ListingInfo

SCHEMA = """
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL, change INTEGER NOT NULL);
CREATE TABLE rows (name TEXT PRIMARY KEY, timestamp TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, type
TEXT NOT NULL,
                   count INTEGER NOT NULL, stats_at TEXT NOT NULL, change INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE gone (name TEXT PRIMARY KEY, timestamp TEXT NOT NULL, change INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX rows_change ON rows (change);
CREATE INDEX gone_change ON gone (change);
"""


def empty_database(info: ListingInfo) -> bytes:
    """The bytes of an empty database with this head.

    It is marked as one with a write-ahead log (file format versions 2, sqlite.org/fileformat.html 1.3.3).
    """
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.execute("PRAGMA page_size=4096")
        db.executescript(SCHEMA)
        db.execute("INSERT INTO head VALUES (1, ?, 0)", (msgspec.json.encode(info),))
        image = bytearray(db.serialize())
    finally:
        db.close()
    image[18] = image[19] = 2
    return bytes(image)
