"""Our inspector against the program that it guards: what we call safe, qemu opens without touching another file."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from pileus_kit.formats import inspect

HEADS = {"qcow2": range(4, 104), "vmdk": range(4, 600), "vdi": range(0x40, 0x180)}
MUTANTS = 200


def mutants(path: Path, kind: str) -> list[bytes]:
    """Copies of a good image with a few bytes of its head changed; the same ones in every run."""
    dice, content = random.Random(kind), path.read_bytes()
    made = []
    for _ in range(MUTANTS):
        copy = bytearray(content)
        for _ in range(dice.randint(1, 3)):
            copy[dice.choice(HEADS[kind])] = dice.choice((0, 1, 2, 4, 0x20, 0x7F, 0xFF, dice.randrange(256)))
        made.append(bytes(copy))
    return made


@pytest.mark.parametrize("kind", HEADS)
def test_what_is_called_safe_is_self_contained(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "good"
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, path, "10M"], check=True)
    judged = 0
    for content in [path.read_bytes(), *mutants(path, kind)]:
        disk = tmp_path / "disk"
        disk.write_bytes(content)
        with disk.open("rb") as file:
            found = inspect(file)
        if found.format != kind or found.unsafe:
            continue
        ask = ["qemu-img", "info", "--output", "json", "-f", kind, disk]
        told = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=False)
        if told.returncode:
            continue  # qemu refuses it: harmless too
        info = json.loads(told.stdout)
        specific = info.get("format-specific", {}).get("data", {})
        assert "backing-filename" not in info and "data-file" not in specific
        assert all(extent["filename"] == str(disk) for extent in specific.get("extents", []))
        assert info["virtual-size"] // 512 == found.virtual_size // 512
        judged += 1
    assert judged > MUTANTS // 10, "the mutants must not all be broken"
