"""Timestamps and checksums of object files."""

import os
import zlib
from pathlib import Path

from pileus_objectstore.storage.block_checksums import BLOCK_BYTES, BlockChecksums
from pileus_objectstore.storage.object_format import stamp_of, timestamp_of
from pileus_objectstore.wire.contract import timestamp


def test_timestamps_survive_the_file_system(tmp_path: Path) -> None:
    for at in (0.0, 1.00001, 1795357278.64483, 9999999999.99999):
        text = timestamp(at)
        assert len(text) == 16
        path = tmp_path / "f"
        path.touch()
        os.utime(path, ns=(stamp_of(text), stamp_of(text)))
        assert timestamp_of(path.stat().st_mtime_ns) == text


def test_sums_of_any_pieces() -> None:
    data = os.urandom(3 * BLOCK_BYTES + 17)
    wanted = b"".join(
        zlib.crc32(data[i : i + BLOCK_BYTES]).to_bytes(4, "little") for i in range(0, len(data), BLOCK_BYTES)
    )
    for size in (1 << 20, BLOCK_BYTES, BLOCK_BYTES - 1, 100_003):
        sums = BlockChecksums()
        for at in range(0, len(data), size):
            sums.add(data[at : at + size])
        assert sums.packed() == wanted
    assert BlockChecksums().packed() == b""
