"""Formats that no volume or guest is created from, and ISO images."""

from pileus_kit.formats.reading import SECTOR, Inspection, Reader

MAGICS = {
    b"QED\0": "qed",
    b"WithoutFreeSpace": "ploop",
    b"WithouFreSpacExt": "ploop",
    b"Bochs Virtual HD Image": "bochs",
    b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop": "cloop",
    b"\xbe\xba\xfe\xca\0\0\0\0": "vmdk",
}
"""The beginnings of unsupported images. The last one is a part of an ESXi image, whose descriptor is another file."""


def recognise(read: Reader) -> Inspection | None:
    """Recognise the formats of MAGICS, dmg and luks."""
    head = read(0, 64)
    for magic, name in MAGICS.items():
        if head.startswith(magic):
            return Inspection(name, 0, f"{name} images are not supported")
    if read(read.size - SECTOR, 4) == b"koly":
        return Inspection("dmg", 0, "dmg images are not supported")
    return Inspection("luks", read.size) if head[:6] == b"LUKS\xba\xbe" else None


def recognise_iso(read: Reader) -> Inspection | None:
    """Recognise an ISO 9660 image."""
    return Inspection("iso", read.size) if read(0x8001, 5) == b"CD001" else None
