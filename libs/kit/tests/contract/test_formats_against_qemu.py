"""Our inspector against the program that it guards: what we call safe, qemu opens without touching another file.

`PILEUS_FUZZ=100000 PILEUS_FUZZ_SEED=7` looks at more images than the gate does.
"""

import io
import json
import os
import struct
from pathlib import Path

import pytest

from pileus_kit import sandbox
from pileus_kit.formats import inspect
from pileus_kit.testing.fuzzed_images import FIELDS, mutants
from pileus_kit.testing.hostile_images import MIB, Builder

COUNT = int(os.environ.get("PILEUS_FUZZ", "200"))
SEED = os.environ.get("PILEUS_FUZZ_SEED", "1")
JUDGED = 10
"""So many mutants at least have to pass, or the test would say nothing."""
CANARY = b"the host's own secret. " * (2 * MIB // 23)


@pytest.mark.parametrize("kind", FIELDS)
def test_what_is_called_safe_is_self_contained(tmp_path: Path, kind: str) -> None:
    files = {"/source": tmp_path / "source", "/canary": tmp_path / "canary"}
    files["/canary"].write_bytes(CANARY)
    judged = 0
    for number, content in enumerate(mutants(Builder(tmp_path, Path("/canary")), kind, COUNT, f"{SEED} {kind}")):
        found = inspect(io.BytesIO(content))
        if found.format != kind or found.unsafe:
            continue
        files["/source"].write_bytes(content)
        judged += harmless(files, kind, found.virtual_size, f"mutant {number} of {kind}, seed {SEED}")
    assert judged >= JUDGED


def harmless(files: dict[str, Path], kind: str, size: int, which: str) -> bool:
    """Whether qemu opens it; it must not name or read another file, or be of another size."""
    told = sandbox.run(["qemu-img", "info", "--output", "json", "-f", kind, "/source"], files, {}, sandbox.Limits())
    if told.returncode:
        return False
    info = json.loads(told.stdout)
    specific = info.get("format-specific", {}).get("data", {})
    assert "backing-filename" not in info and "data-file" not in specific, which
    assert all(extent["filename"] == "/source" for extent in specific.get("extents", [])), which
    assert info["virtual-size"] // 512 == size // 512, which
    if size <= 64 * MIB:
        assert b"secret" not in copied(files, kind, size), which
    return True


def copied(files: dict[str, Path], kind: str, size: int) -> bytes:
    target = files["/source"].with_name("target")
    target.write_bytes(b"")
    sandbox.run(
        ["qemu-img", "convert", "-f", kind, "-O", "raw", "/source", "/target"],
        files,
        {"/target": target},
        sandbox.Limits.for_disk(size),
    )
    return target.read_bytes()


def test_the_mutants_include_dangerous_ones(tmp_path: Path) -> None:
    """The search finds what the inspector missed once: a parent's name, behind a header that points elsewhere."""
    dangerous = {"vmdk": b'parentFileNameHint="/canary"', "qcow2": struct.pack(">I", 0xE2792ACA)}
    for kind, sign in dangerous.items():
        content = list(mutants(Builder(tmp_path, Path("/canary")), kind, 600, f"1 {kind}"))
        assert any(sign in each[:10752] for each in content)
