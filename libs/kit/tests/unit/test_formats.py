import io
import subprocess

import pytest

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


@pytest.mark.parametrize("content", [b"", b"x", b"QFI\xfb", b"KDMV", b"vhdxfile", b"conectix", b"\xff" * 4096,
                                     b"vhdxfile" + bytes(0x30000 - 8) + b"regi" + b"\xff" * 70000])
def test_no_content_breaks_it(content):
    inspect(io.BytesIO(content))


def test_an_iso_is_recognised():
    assert inspect(io.BytesIO(bytes(0x8001) + b"CD001" + bytes(2042))).format == "iso"
