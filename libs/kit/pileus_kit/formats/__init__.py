"""Tells what a disk image really is from its bytes alone, without running anything that could open other files.

An image is safe when every field that a reader of its format follows is one that a self-contained image needs, looked
for where QEMU's drivers look for it, whatever the image's own header says about the place. What isn't known to be
harmless is unsafe.

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
    """Look at a seekable file, in a few small reads. Raises nothing for any content; OSError for a bad file."""
    read = Reader(file)
    for recognise in RECOGNISERS:
        found = recognise(read)
        if found:
            return found
    return Inspection("raw", read.size)
