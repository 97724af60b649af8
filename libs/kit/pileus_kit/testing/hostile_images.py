"""Images that try to make their reader open another file, one for each trick that is known for a format.

Each is made from a good image that QEMU created, so that only the trick is wrong with it. A QEMU that is tricked copies
the content of the file `canary`.
"""

import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
VMDK_SECTOR = 512
CHILD_CID, NO_CID = "0000abcd", "ffffffff"


@dataclass(frozen=True)
class Hostile:
    """An image with a trick in it."""

    trick: str
    declared: str
    """The format that the image says it has, by QEMU's name."""
    content: bytes


class Builder:
    """Builds the images."""

    def __init__(self, folder: Path, canary: Path, itself: str = "/source") -> None:
        """Good images are written to `folder`; `canary` is an absolute path. Readers open an image as `itself`."""
        self.folder, self.canary, self.itself = folder, str(canary), itself

    def good(self, kind: str, *options: str) -> bytearray:
        """Return a good image of 10 MiB, as QEMU creates it."""
        path = self.folder / f"good-{kind}"
        path.unlink(missing_ok=True)
        extra = [part for option in options for part in ("-o", option)]
        subprocess.run(["qemu-img", "create", "-q", "-f", kind, *extra, path, "10M"], check=True)
        return bytearray(path.read_bytes())

    def all(self) -> Iterator[Hostile]:
        """Yield an image for each trick."""
        for declared, tricks in TRICKS.items():
            for name, make in tricks.items():
                yield Hostile(f"{declared}: {name}", declared, bytes(make(self)))


def _qcow2_backing(builder: Builder, name: str, version: int = 3, format: str = "raw") -> bytearray:
    content = builder.good("qcow2", f"compat={'1.1' if version == 3 else '0.10'}")
    end = struct.unpack_from(">I", content, 100)[0] if version == 3 else 72
    content[end : end + 8] = struct.pack(">II", 0xE2792ACA, len(format))
    content[end + 8 : end + 16] = format.encode().ljust(8, b"\0")
    content[end + 16 : end + 24] = bytes(8)
    return _qcow2_named(content, name)


def _qcow2_named(content: bytearray, name: str) -> bytearray:
    encoded = name.encode()
    content[1024 : 1024 + len(encoded)] = encoded
    content[8:20] = struct.pack(">QI", 1024, len(encoded))
    return content


def _qcow2_data_file(builder: Builder, flag: bool = True, named: bool = True) -> bytearray:
    elsewhere = f"data_file={builder.folder / 'data'}"
    content = builder.good("qcow2", elsewhere, "data_file_raw=on", "preallocation=metadata")
    if not flag:
        content[72:96] = bytes(24)
    end = struct.unpack_from(">I", content, 100)[0]
    if named:
        encoded = builder.canary.encode()
        content[end : end + 8] = struct.pack(">II", 0x44415441, len(encoded))
        room = -(-len(encoded) // 8) * 8
        content[end + 8 : end + 8 + room + 8] = encoded.ljust(room + 8, b"\0")
    return content


def _patched(kind: str, at: int, value: bytes, *options: str) -> Callable[[Builder], bytearray]:
    def make(builder: Builder) -> bytearray:
        content = builder.good(kind, *options)
        content[at : at + len(value)] = value
        return content

    return make


def _descriptor(*lines: str) -> bytes:
    head = ["# Disk DescriptorFile", "version=1", "CID=12345678"]
    return "\n".join([*head, *lines, ""]).encode()


def vmdk(builder: Builder, at_qemus_place: bytes, at: int = 1, length: int = 20, elsewhere: bytes = b"") -> bytearray:
    """Return a sparse file with one descriptor where QEMU looks for it, and perhaps another one where the header
    says."""
    content = builder.good("vmdk")
    content[28:44] = struct.pack("<QQ", at, length)
    content[512 : 512 + 20 * VMDK_SECTOR] = at_qemus_place.ljust(20 * VMDK_SECTOR, b"\0")
    if elsewhere:
        content[at * VMDK_SECTOR : at * VMDK_SECTOR + len(elsewhere)] = elsewhere
    return content


CLEAN = _descriptor("parentCID=ffffffff", 'createType="monolithicSparse"', 'RW 20480 SPARSE "x.vmdk"')


def _flat(builder: Builder) -> bytes:
    return _descriptor("parentCID=ffffffff", 'createType="monolithicFlat"', f'RW 2048 FLAT "{builder.canary}" 0')


def _child(builder: Builder) -> bytes:
    """Return a descriptor whose parent is another one inside the same file, at 1 MiB, which names the canary."""
    parent = (
        "json:{'driver':'vmdk','file':{'driver':'raw','offset':1048576,'size':65536,"
        f"'file':{{'driver':'file','filename':'{builder.itself}'}}}}}}"
    )
    return _descriptor(f"parentCID={CHILD_CID}", 'createType="monolithicSparse"', f'parentFileNameHint="{parent}"')


def _with_parent(builder: Builder, content: bytearray, cid: str = CHILD_CID) -> bytearray:
    """Return the image with a parent whose CID is the one in the child's `parentCID`, so that readers accept it."""
    parent = _flat(builder).replace(b"CID=12345678", b"CID=" + cid.encode(), 1)
    return content.ljust(MIB, b"\0") + parent.ljust(65536, b"\0")


def _vmdk_elsewhere(builder: Builder) -> bytearray:
    return _with_parent(builder, vmdk(builder, _child(builder), at=64, elsewhere=CLEAN))


def _vmdk_short(builder: Builder) -> bytearray:
    text = CLEAN.replace(b"parentCID=ffffffff\n", b"#" + b" " * 400 + b"\nparentCID=ffffffff\n")[:511] + b"\n"
    return _with_parent(builder, vmdk(builder, text + _child(builder), length=1), NO_CID)


def _vmdk_bare(builder: Builder) -> bytearray:
    content = vmdk(builder, _flat(builder))
    content[12:20] = bytes(8)
    return content


def _vmdk_said_twice(builder: Builder) -> bytearray:
    return _with_parent(
        builder, vmdk(builder, _child(builder).replace(b"version=1", b"version=1\nparentCID=ffffffff")), NO_CID
    )


def _vmdk_hint_alone(builder: Builder) -> bytearray:
    hint = f'parentFileNameHint="{builder.canary}"'
    return vmdk(builder, CLEAN + hint.encode() + b"\n")


def _vmdk_footer(builder: Builder, tail: bytes = b"") -> bytearray:
    """Return an image whose footer, unlike its header, has no capacity: readers of the footer follow the descriptor."""
    content = builder.good("vmdk", "subformat=streamOptimized")
    content[56:64] = b"\xff" * 8
    footer = bytearray(content[:512])
    footer[12:20] = struct.pack("<Q", 1 << 30)
    marker = struct.pack("<QII", 0, 0, 3).ljust(512, b"\0")
    return content + marker + footer + bytes(512) + tail


TRICKS: dict[str, dict[str, Callable[[Builder], bytes | bytearray]]] = {
    "qcow2": {
        "a backing file": lambda b: _qcow2_backing(b, b.canary),
        "a backing file in version 2": lambda b: _qcow2_backing(b, b.canary, version=2),
        "a backing file named by its driver": lambda b: _qcow2_backing(
            b, 'json:{"driver":"raw","file":{"driver":"file","filename":"' + b.canary + '"}}'
        ),
        "a backing file over the network": lambda b: _qcow2_backing(b, "nbd://127.0.0.1:10809/volume"),
        "a backing file without a format": lambda b: _qcow2_named(b.good("qcow2"), b.canary),
        "a backing file's length alone": _patched("qcow2", 16, struct.pack(">I", 11)),
        "a data file": _qcow2_data_file,
        "a data file's name without its flag": lambda b: _qcow2_data_file(b, flag=False),
        "a data file's flag without its name": lambda b: _qcow2_data_file(b, named=False),
        "an unknown flag": _patched("qcow2", 72, struct.pack(">Q", 1 << 40)),
        "an unknown header extension": _patched("qcow2", 112, struct.pack(">II", 0x0BADF00D, 8)),
        "an encryption header": _patched("qcow2", 112, struct.pack(">II", 0x0537BE77, 16)),
        "encryption": _patched("qcow2", 32, struct.pack(">I", 2)),
        "a header longer than its cluster": _patched("qcow2", 100, struct.pack(">I", 1 << 24)),
        "65,536 snapshots": _patched("qcow2", 60, struct.pack(">I", 65536)),
        "version 1": _patched("qcow2", 4, struct.pack(">I", 1)),
    },
    "vmdk": {
        "a descriptor where QEMU doesn't look": _vmdk_elsewhere,
        "a parent behind the descriptor's length": _vmdk_short,
        "a parent's name without a parent": _vmdk_hint_alone,
        "a parent said twice": _vmdk_said_twice,
        "a parent": lambda b: _with_parent(b, vmdk(b, _child(b))),
        "a descriptor alone": _flat,
        "a descriptor behind an empty header": _vmdk_bare,
        "a flat extent": lambda b: vmdk(b, _flat(b)),
        "a sparse extent elsewhere": lambda b: vmdk(b, CLEAN.replace(b"x.vmdk", b.canary.encode())),
        "a file of changed blocks": lambda b: vmdk(b, CLEAN + f'changeTrackPath="{b.canary}"\n'.encode()),
        "a footer that contradicts": _vmdk_footer,
        "a footer in a file of half a sector more": lambda b: _vmdk_footer(b, tail=bytes(100))[:-356],
        "an ESX extent": lambda _: b"COWD" + bytes(4096),
        "a space-efficient extent": lambda _: struct.pack("<QQ", 0xCAFEBABE, 0x200000001) + bytes(4096),
        "a twin file": lambda b: b.good("vmdk", "subformat=twoGbMaxExtentSparse"),
    },
    "vdi": {
        "a differencing image": _patched("vdi", 0x4C, struct.pack("<I", 4)),
        "a link": _patched("vdi", 0x1A8, b"\1" * 16),
        "a parent": _patched("vdi", 0x1B8, b"\1" * 16),
    },
    "vpc": {
        "a differencing image": _patched("vpc", 60, struct.pack(">I", 4)),
        "a parent": _patched("vpc", 512 + 0x28, b"\1" * 16),
        "a parent's locator": _patched("vpc", 512 + 0x240, b"W2ku"),
        "no dynamic header": _patched("vpc", 512, bytes(8)),
    },
    "vhdx": {
        "no regions": _patched("vhdx", 0x30000, bytes(4)),
        "unknown regions": _patched("vhdx", 0x30010, b"\1" * 16),
    },
    "raw": {
        "a qed image": lambda _: b"QED\0" + bytes(4096),
        "a ploop image": lambda _: b"WithoutFreeSpace" + bytes(4096),
        "a bochs image": lambda _: b"Bochs Virtual HD Image" + bytes(4096),
        "a compressed loop image": lambda _: b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop" + bytes(4096),
        "an Apple image": lambda _: bytes(4096) + b"koly".ljust(512, b"\0"),
    },
}
