"""Whether the content of an image is what the image says it is, and harmless to whoever opens it."""

from typing import BinaryIO

from pileus_image.errors import FormatRefused
from pileus_kit import formats

SAME = {"vhd": "vpc", "ami": "raw", "aki": "raw", "ari": "raw"}
"""Our names of formats that the inspector calls otherwise. A kernel or ramdisk has no format of its own."""
ALSO_RAW = ("iso", "luks")
"""Recognised, but read byte for byte like any raw disk: harmless when declared raw."""
WITHOUT_MAGIC = ("raw", "ami", "aki", "ari", "vhd")
"""Formats that can't be told from the first bytes: a fixed vhd is marked at its end only."""
HEAD = 1 << 16
"""Bytes after which a wrong format shows, except an iso's, whose mark comes at byte 32,769: well before."""


def refuse_early(file: BinaryIO, disk_format: str, container_format: str) -> None:
    """Raise FormatRefused if the first bytes already are another format's, so that nobody waits for the last ones."""
    if container_format == "bare" and disk_format not in WITHOUT_MAGIC:
        _compare(formats.inspect(file), disk_format)


def accept(file: BinaryIO, disk_format: str, container_format: str, largest_disk: int) -> int:
    """The virtual size in bytes of a whole image. Raises FormatRefused.

    Other containers than `bare` are archives whose content no host opens as a disk: their own size counts.
    """
    if container_format != "bare":
        return file.seek(0, 2)
    found = formats.inspect(file)
    _compare(found, disk_format)
    if found.unsafe:
        raise FormatRefused(why=found.unsafe)
    if found.virtual_size > largest_disk:
        raise FormatRefused(why=f"a guest would see {found.virtual_size} bytes, and {largest_disk} is the most")
    return found.virtual_size


def _compare(found: formats.Inspection, disk_format: str) -> None:
    wanted = SAME.get(disk_format, disk_format)
    if found.format != wanted and not (wanted == "raw" and found.format in ALSO_RAW):
        raise FormatRefused(why=f"disk_format is {disk_format}, but the content is {found.format}")
