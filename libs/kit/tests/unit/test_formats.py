import io
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus_kit.formats import Inspection, inspect

MIB = 1 << 20


def made_by_qemu(tmp_path, *options: str) -> Inspection:
    path = tmp_path / "disk"
    subprocess.run(["qemu-img", "create", "-q", *options, str(path), "10M"], check=True)
    with path.open("rb") as file:
        return inspect(file)


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vmdk", "vdi", "vhdx"])
def test_each_format_is_recognised_with_its_size(tmp_path, kind):
    assert made_by_qemu(tmp_path, "-f", kind) == Inspection(kind, 10 * MIB)


@pytest.mark.parametrize("kind", ["dynamic", "fixed"])
def test_vhd_is_recognised(tmp_path, kind):
    found = made_by_qemu(tmp_path, "-f", "vpc", "-o", f"subformat={kind},force_size=on")
    assert found == Inspection("vpc", 10 * MIB)


def test_a_backing_file_is_unsafe(tmp_path):
    (tmp_path / "base").write_bytes(bytes(MIB))
    assert made_by_qemu(tmp_path, "-f", "qcow2", "-b", "base", "-F", "raw").unsafe == "it has a backing file"


def test_an_external_data_file_is_unsafe(tmp_path):
    found = made_by_qemu(tmp_path, "-f", "qcow2", "-o", f"data_file={tmp_path / 'data'}")
    assert found.unsafe == "it has an external data file"


@pytest.mark.parametrize("kind", ["monolithicFlat", "twoGbMaxExtentSparse"])
def test_vmdk_with_data_elsewhere_is_unsafe(tmp_path, kind):
    assert made_by_qemu(tmp_path, "-f", "vmdk", "-o", f"subformat={kind}").unsafe


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"QFI\xfb",
        b"KDMV",
        b"vhdxfile",
        b"conectix",
        b"\xff" * 4096,
        b"vhdxfile" + bytes(0x30000 - 8) + b"regi" + b"\xff" * 70000,
    ],
)
def test_no_content_breaks_it(content):
    inspect(io.BytesIO(content))


def test_an_iso_is_recognised():
    assert inspect(io.BytesIO(bytes(0x8001) + b"CD001" + bytes(2042))).format == "iso"


def test_a_corrupt_image_is_unsafe(tmp_path):
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "disk", "10M"], check=True)
    content = bytearray((tmp_path / "disk").read_bytes())
    for bit, why in ((2, "corrupt"), (4, "data file"), (32, "unknown features"), (1 << 40, "unknown features")):
        content[72:80] = struct.pack(">Q", bit)
        assert why in inspect(io.BytesIO(content)).unsafe


def streamed(tmp_path) -> bytes:
    """A stream-optimised vmdk with its tables at the end, as other programs write it."""
    path = tmp_path / "stream"
    options = ["-f", "vmdk", "-o", "subformat=streamOptimized"]
    subprocess.run(["qemu-img", "create", "-q", *options, path, "10M"], check=True)
    head = bytearray(path.read_bytes())
    head[56:64] = b"\xff" * 8
    return bytes(head) + bytes(512) + bytes(head[:512]) + bytes(512)


def test_a_vmdk_with_a_footer_is_read_as_others_read_it(tmp_path):
    content = streamed(tmp_path)
    assert inspect(io.BytesIO(content)) == Inspection("vmdk", 10 * MIB)
    grown = bytearray(content)
    grown[-1024 + 12 : -1024 + 20] = struct.pack("<Q", 1 << 40)
    assert inspect(io.BytesIO(grown)).unsafe == "its footer contradicts its header"
    bare = bytearray(content)
    bare[12:20] = bytes(8)
    assert inspect(io.BytesIO(bare)).unsafe == "its data is in other files"


@pytest.mark.parametrize(
    "text",
    [
        b'# Disk DescriptorFile\nversion=1\nRW 1 FLAT "/etc/shadow" 0\n',
        b"\n# any comment\n \nversion = 3\n",
        b"VERSION=2\n",
        b"COWD" + bytes(600),
    ],
)
def test_a_descriptor_alone_is_unsafe(text):
    assert inspect(io.BytesIO(text)) == Inspection("vmdk", 0, "its data is in other files")


def test_other_formats_are_not_taken_for_raw():
    for head, name in ((b"QED\0", "qed"), (b"WithoutFreeSpace", "ploop"), (b"LUKS\xba\xbe", "luks")):
        assert inspect(io.BytesIO(head + bytes(2048))).format == name


class Counting(io.BytesIO):
    """A huge file of which only the beginning is there, and what was read of it."""

    read_bytes = 0

    def read(self, size=-1):
        assert size >= 0
        self.read_bytes += size
        return super().read(size)


MAGICS = [
    b"QFI\xfb\0\0\0\3",
    b"KDMV\1\0\0\0",
    b"vhdxfile",
    b"conectix",
    bytes(0x40) + b"\x7f\x10\xda\xbe",
    b"# Disk DescriptorFile",
    b"vhdxfile" + bytes(0x30000 - 8) + b"regi\0\0\0\0\xff\xff\0\0",
]


@given(magic=st.sampled_from(MAGICS), rest=st.binary(max_size=600), end=st.binary(max_size=1600))
def test_hostile_content_costs_little_and_raises_nothing(magic, rest, end):
    file = Counting(magic + rest + bytes(1000) + end)
    found = inspect(file)
    assert found.virtual_size >= 0 and file.read_bytes < 1 << 18


def test_offsets_that_no_file_can_have(tmp_path):
    path = tmp_path / "disk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vmdk", path, "10M"], check=True)
    content = bytearray(path.read_bytes())
    content[28:36] = struct.pack("<Q", 1 << 47)
    path.write_bytes(content)
    with path.open("rb") as file:
        assert inspect(file).unsafe
