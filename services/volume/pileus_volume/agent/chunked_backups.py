"""The format of backups in the object store.

A disk is divided into chunks of 8 MiB. Each chunk that isn't all zeros is an object, compressed with zlib and named by
its number. A manifest, compressed JSON, lists number, sha256 and object of every chunk:

    {"format": 1, "chunk": 8388608, "size": BYTES, "chunks": [[0, "ab…", "volume_…/backup_…/00000000"], …]}

The manifest of an incremental backup names the parent's object where a chunk has not changed, so a restore reads one
list only. The owner of the container may have changed its objects: a chunk is restored only if it has the sha256 of the
manifest, and the manifest is used only if it has the sha256 in the database.
"""

import hashlib
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_volume.agent.backup_objects import BackupObjects
from pileus_volume.drivers import sparse_files
from pileus_volume.errors import BackupRefused
from pileus_volume.rpc import MANIFEST, BackupResult, Manifest

CHUNK_BYTES = 8 << 20
FORMAT = 1
COMPRESSION_LEVEL = 1  # the fastest, because much of what disks hold is compressed already
MAX_OBJECT_BYTES = CHUNK_BYTES + (CHUNK_BYTES >> 8)  # zlib enlarges a chunk by less than this
MAX_MANIFEST_BYTES = 1 << 30


class ManifestContent(msgspec.Struct):
    """What a manifest says: sizes in bytes, and (number, sha256, object) of each chunk."""

    format: int
    chunk: int
    size: int
    chunks: list[tuple[int, str, str]]


def back_up(content: Path, prefix: str, objects: BackupObjects, parent: Manifest | None) -> BackupResult:
    """Store the file's content, chunk by chunk, and the manifest."""
    known = {number: (digest, name) for number, digest, name in read_manifest(objects, parent).chunks} if parent else {}
    manifest_content = ManifestContent(FORMAT, CHUNK_BYTES, content.stat().st_size, [])
    stored = 0
    with content.open("rb", buffering=0) as file:
        for number, data in _chunks(file):
            digest = hashlib.sha256(data).hexdigest()
            before, name = known.get(number, ("", ""))
            if before != digest:
                name = f"{prefix}{number:08d}"
                objects.put(name, zlib.compress(data, COMPRESSION_LEVEL))
                stored += 1
            manifest_content.chunks.append((number, digest, name))
    text = msgspec.json.encode(manifest_content)
    objects.put(prefix + MANIFEST, zlib.compress(text))
    return BackupResult(stored + 1, hashlib.sha256(text).hexdigest())


def restore(target: Path, objects: BackupObjects, manifest: Manifest) -> None:
    """Write the backup into the file, which is all zeros. Raises BackupRefused if an object isn't what was stored."""
    manifest_content = read_manifest(objects, manifest)
    if manifest_content.size > target.stat().st_size:
        raise BackupRefused(why=f"its {manifest_content.size} bytes are larger than the volume")
    with target.open("r+b") as file:
        for number, digest, name in manifest_content.chunks:
            data = _decompress(objects.get(name, MAX_OBJECT_BYTES), CHUNK_BYTES, name)
            if hashlib.sha256(data).hexdigest() != digest:
                raise BackupRefused(why=f"object {name} has been changed")
            file.seek(number * CHUNK_BYTES)
            file.write(data)


def read_manifest(objects: BackupObjects, manifest: Manifest) -> ManifestContent:
    """The manifest's content. Raises BackupRefused if it doesn't have the expected sha256."""
    name = manifest.prefix + MANIFEST
    text = _decompress(objects.get(name, MAX_MANIFEST_BYTES), MAX_MANIFEST_BYTES, name)
    if hashlib.sha256(text).hexdigest() != manifest.digest:
        raise BackupRefused(why=f"object {name} has been changed")
    manifest_content = decoding.decode(text, ManifestContent)
    if (manifest_content.format, manifest_content.chunk) != (FORMAT, CHUNK_BYTES):
        raise BackupRefused(why=f"object {name} is of a format that this storage host doesn't know")
    return manifest_content


def _chunks(file: FileIO) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each chunk that isn't all zeros; holes of the file aren't read."""
    for position, data in sparse_files.data_blocks(file, CHUNK_BYTES):
        if data.count(0) != len(data):
            yield position // CHUNK_BYTES, data


def _decompress(data: bytes, max_bytes: int, name: str) -> bytes:
    """The decompressed data. Raises BackupRefused if it is damaged or longer than `max_bytes`."""
    decompressor = zlib.decompressobj()
    try:
        text = decompressor.decompress(data, max_bytes + 1)
    except zlib.error:
        raise BackupRefused(why=f"object {name} is damaged") from None
    if len(text) > max_bytes or not decompressor.eof:
        raise BackupRefused(why=f"object {name} is damaged or too long")
    return text
