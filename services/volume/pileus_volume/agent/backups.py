"""What a backup looks like in the object store.

A disk is cut into chunks of 8 MiB. Each that isn't all zeros is an object, zlib-compressed, named by its number; a
manifest (JSON, compressed too) lists number, sha256 and object of every chunk:

    {"format": 1, "chunk": 8388608, "size": BYTES, "chunks": [[0, "ab…", "volume_…/backup_…/00000000"], …]}

An incremental backup's manifest names the parent's object where a chunk has not changed, so to restore it is to read
one list. Whoever owns the container may have changed what is in it: a chunk is restored only if it has its sha256, and
the manifest only if it has the one that the control plane remembers.
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from pileus_kit import decoding
from pileus_volume.agent.object_store import Objects
from pileus_volume.errors import BackupRefused
from pileus_volume.rpc import MANIFEST, Manifest, Stored

CHUNK = 8 << 20
FORMAT = 1
FAST = 1  # zlib's level: disks hold much that is compressed already
LONGEST = CHUNK + (CHUNK >> 8)  # of a compressed chunk; zlib adds at most a little
LONGEST_MANIFEST = 1 << 30


class Listing(msgspec.Struct):
    """A manifest's content."""

    format: int
    chunk: int
    size: int
    chunks: list[tuple[int, str, str]]


def back_up(content: Path, prefix: str, objects: Objects, parent: Manifest | None) -> Stored:
    """Store what is in the file, in constant memory but for the list."""
    known = {number: (digest, name) for number, digest, name in read(objects, parent).chunks} if parent else {}
    listing = Listing(FORMAT, CHUNK, content.stat().st_size, [])
    stored = 0
    with content.open("rb") as file:
        for number, data in _chunks(file):
            digest = hashlib.sha256(data).hexdigest()
            before, name = known.get(number, ("", ""))
            if before != digest:
                name = f"{prefix}{number:08d}"
                objects.put(name, zlib.compress(data, FAST))
                stored += 1
            listing.chunks.append((number, digest, name))
    text = msgspec.json.encode(listing)
    objects.put(prefix + MANIFEST, zlib.compress(text))
    return Stored(stored + 1, hashlib.sha256(text).hexdigest())


def restore(target: Path, objects: Objects, manifest: Manifest) -> None:
    """Write it into the file, which is all zeros. Raises BackupRefused for anything that isn't what was stored."""
    listing = read(objects, manifest)
    if listing.size > target.stat().st_size:
        raise BackupRefused(why=f"its {listing.size} bytes are larger than the volume")
    with target.open("r+b") as file:
        for number, digest, name in listing.chunks:
            data = _inflated(objects.get(name, LONGEST), CHUNK, name)
            if hashlib.sha256(data).hexdigest() != digest:
                raise BackupRefused(why=f"object {name} has been changed")
            file.seek(number * CHUNK)
            file.write(data)


def read(objects: Objects, manifest: Manifest) -> Listing:
    """The list; raises BackupRefused if it isn't the one with this digest."""
    name = manifest.prefix + MANIFEST
    text = _inflated(objects.get(name, LONGEST_MANIFEST), LONGEST_MANIFEST, name)
    if hashlib.sha256(text).hexdigest() != manifest.digest:
        raise BackupRefused(why=f"object {name} has been changed")
    listing = decoding.decode(text, Listing)
    if (listing.format, listing.chunk) != (FORMAT, CHUNK):
        raise BackupRefused(why=f"object {name} is of a format that this storage host doesn't know")
    return listing


def _chunks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of each chunk that isn't all zeros; holes aren't even read."""
    position = 0
    while True:
        try:
            position = os.lseek(file.fileno(), position, os.SEEK_DATA) // CHUNK * CHUNK
        except OSError:  # no data after it
            return
        file.seek(position)
        data = file.read(CHUNK)
        if data.count(0) != len(data):
            yield position // CHUNK, data
        position += CHUNK


def _inflated(data: bytes, most: int, name: str) -> bytes:
    """Decompressed, but never to more than `most` bytes."""
    machine = zlib.decompressobj()
    try:
        text = machine.decompress(data, most + 1)
    except zlib.error:
        raise BackupRefused(why=f"object {name} is damaged") from None
    if len(text) > most or not machine.eof:
        raise BackupRefused(why=f"object {name} is damaged or too long")
    return text
