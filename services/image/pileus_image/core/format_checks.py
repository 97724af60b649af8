"""Checks that the content of an image is what the image says it is, and harmless to the program that opens it."""

from typing import BinaryIO

from pileus_image.errors import FormatRefused
from pileus_kit import formats

INSPECTOR_NAMES = {"vhd": "vpc", "ami": "raw", "aki": "raw", "ari": "raw"}
"""The inspector's name of a disk_format where it differs. Kernels and ramdisks have no format of their own."""
READ_AS_RAW = ("iso", "luks")
"""Formats that are recognised, but read byte for byte like any raw disk: they are harmless if declared as raw."""
WITHOUT_MAGIC = ("raw", "ami", "aki", "ari", "vhd")
"""Formats that the first bytes don't show: a fixed vhd is marked at its end only."""
OUTPUT_FORMATS = ("raw", "qcow2", "vmdk")
"""Formats to which imports may be converted: those that qemu-img writes and every host reads."""
BEGINNING_BYTES = 1 << 16
"""Bytes after which a wrong format shows. An iso has its mark at byte 32,769, well before."""


def check_beginning(file: BinaryIO, disk_format: str, container_format: str) -> None:
    """Raise FormatRefused if the first bytes are already another format's, so that no client sends the rest in vain."""
    if container_format == "bare" and disk_format not in WITHOUT_MAGIC:
        _compare(formats.inspect(file), disk_format)


def check_whole(file: BinaryIO, disk_format: str, container_format: str, max_disk_bytes: int) -> int:
    """Return the virtual size in bytes of a whole image. Raises FormatRefused.

    Containers other than `bare` are archives that no host opens as a disk: their own size counts.
    """
    if container_format != "bare":
        return file.seek(0, 2)
    found = formats.inspect(file)
    _compare(found, disk_format)
    if found.unsafe:
        raise FormatRefused(why=found.unsafe)
    if found.virtual_size > max_disk_bytes:
        raise FormatRefused(why=f"a guest would see {found.virtual_size} bytes, and {max_disk_bytes} is the most")
    return found.virtual_size


def _compare(found: formats.Inspection, disk_format: str) -> None:
    expected = INSPECTOR_NAMES.get(disk_format, disk_format)
    if found.format != expected and not (expected == "raw" and found.format in READ_AS_RAW):
        raise FormatRefused(why=f"disk_format is {disk_format}, but the content is {found.format}")
