"""Good images with a few fields changed at random, as by an attacker who searches for a mistake of the inspector."""

import random
import struct
from collections.abc import Iterator

from pileus_kit.testing.hostile_images import CLEAN, Builder, vmdk

NAME = b"/canary"
"""The file that changed texts name."""
FIELDS = {
    "qcow2": range(4, 160),
    "vmdk": range(4, 80),
    "vdi": range(0x40, 0x1C8),
    "vpc": range(0, 1536),
    "vhdx": range(0x30000, 0x30050),
}
"""The offsets of the fields that readers of each format follow."""
VHDX_METADATA = range(0x200000, 0x200200)
NUMBERS = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    20,
    64,
    72,
    104,
    112,
    128,
    512,
    1024,
    4096,
    0x10000,
    0x44415441,
    0xE2792ACA,
    0x0537BE77,
    1 << 31,
    (1 << 32) - 1,
    1 << 40,
    (1 << 64) - 1,
)
TEXTS = (
    b'parentFileNameHint="' + NAME + b'"\n',
    b"parentCID=ffffffff\n",
    b"parentCID=00000000\n",
    b"CID=ffffffff\n",
    b'RW 2048 FLAT "' + NAME + b'" 0\n',
    b'RW 2048 SPARSE "' + NAME + b'"\n',
    b"version=1\n",
    b"\0",
    b"#",
    b'"',
    b'createType="monolithicFlat"\n',
    b'createType="monolithicSparse"\n',
    NAME,
    b"\r\n",
    b"PARENTCID=1\n",
)


def mutants(builder: Builder, kind: str, count: int, seed: str) -> Iterator[bytes]:
    """Yield the good image, then `count` changed ones, which are the same for the same seed."""
    dice = random.Random(seed)
    options = ["subformat=streamOptimized"] if kind == "vmdk" and dice.random() < 0.3 else []
    good = bytes(vmdk(builder, CLEAN)) if kind == "vmdk" and not options else bytes(builder.good(kind, *options))
    yield good
    for _ in range(count):
        content = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            dice.choice((_byte, _number, _number, _text))(content, kind, dice)
        yield bytes(content)


def _offset(kind: str, dice: random.Random) -> int:
    if kind == "vhdx" and dice.random() < 0.5:
        return dice.choice(VHDX_METADATA)
    return dice.choice(FIELDS[kind])


def _byte(content: bytearray, kind: str, dice: random.Random) -> None:
    content[_offset(kind, dice)] = dice.choice((0, 1, 2, 4, 0x20, 0x7F, 0xFF, dice.randrange(256)))


def _number(content: bytearray, kind: str, dice: random.Random) -> None:
    width, order = dice.choice((("I", 4), ("Q", 8))), dice.choice("<>")
    value = dice.choice(NUMBERS) % (1 << 8 * width[1])
    at = _offset(kind, dice) // 4 * 4
    content[at : at + width[1]] = struct.pack(order + width[0], value)


def _text(content: bytearray, kind: str, dice: random.Random) -> None:
    """Put a text into a vmdk's descriptor, or among the fields of another format; insert it or overwrite what is
    there."""
    text = dice.choice(TEXTS)
    if kind == "vmdk":
        end = content.index(b"\0", 512) if b"\0" in content[512:10752] else 10752
        at = dice.choice((dice.randrange(512, max(end, 513)), end, 512, dice.randrange(512, 10752)))
        room = 10752
    else:
        at, room = _offset(kind, dice), len(content)
    before = len(content)
    if dice.random() < 0.5:
        content[at:room] = (text + bytes(content[at:room]))[: room - at]
    else:
        content[at : at + len(text)] = text
    del content[before:]
