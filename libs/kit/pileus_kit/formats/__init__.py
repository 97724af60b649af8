"""Tells the format of a disk image from its bytes alone, without running anything that could open other files.

An image is safe if every field that a reader of its format follows is one that a self-contained image needs. Fields are
read where QEMU's drivers read them, whatever the image's own header says about the place. An image that isn't known to
be harmless is unsafe.

Sources of the layouts: qemu docs/interop/qcow2.txt and the behaviour of its block drivers; VMware "Virtual Disk Format
5.0"; VirtualBox VDICore.h; Microsoft "VHD Image Format Specification" and [MS-VHDX]; ECMA-119 (ISO 9660); LUKS
on-disk format.
"""

from typing import BinaryIO

from pileus_kit.formats import others, qcow2, vdi, vhd, vhdx, vmdk
from pileus_kit.formats.reading import Inspection, Reader

__all__ = ["Inspection", "inspect"]

RECOGNISERS = (
    qcow2.recognise,
    vmdk.recognise,
    vmdk.recognise_text,
    vdi.recognise,
    vhdx.recognise,
    others.recognise,
    vhd.recognise,
    others.recognise_iso,
)


def inspect(file: BinaryIO) -> Inspection:
    """Return what a seekable file holds, after a few small reads. No content raises an error; OSError is the file's
    own."""
    read = Reader(file)
    for recognise in RECOGNISERS:
        found = recognise(read)
        if found:
            return found
    return Inspection("raw", read.size)
