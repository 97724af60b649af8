"""Nothing on a host opens an image of the corpus: the inspector calls it unsafe, or another format than declared."""

import io
from pathlib import Path

from pileus_kit.formats import inspect
from pileus_kit.testing.hostile_images import CLEAN, Builder, vmdk


def test_every_hostile_image_is_refused(tmp_path: Path) -> None:
    accepted = [
        hostile.trick
        for hostile in Builder(tmp_path, tmp_path / "canary").all()
        if (found := inspect(io.BytesIO(hostile.content))).format == hostile.declared and not found.unsafe
    ]
    assert not accepted


def test_the_good_images_that_they_are_made_from_are_accepted(tmp_path: Path) -> None:
    builder = Builder(tmp_path, tmp_path / "canary")
    good = [(kind, bytes(builder.good(kind))) for kind in ("qcow2", "vmdk", "vdi", "vpc", "vhdx", "raw")]
    for kind, content in [*good, ("vmdk", bytes(vmdk(builder, CLEAN)))]:
        found = inspect(io.BytesIO(content))
        assert (found.format, found.unsafe) == (kind, "")


def test_descriptors_as_other_programs_write_them_are_accepted(tmp_path: Path) -> None:
    virtualbox = (
        b"# Disk DescriptorFile\nversion=1\nCID=5d1f4a3e\nparentCID=ffffffff\n"
        b'createType="streamOptimized"\n\n'
        b'# Extent description\nRDONLY 20480 SPARSE "disk1.vmdk"\n\n# The disk Data Base \n#DDB\n\n'
        b'ddb.virtualHWVersion = "4"\nddb.adapterType="ide"\nddb.uuid.image="0f3a"\nddb.uuid.parent="0"\n'
    )
    vmware = (
        b'# Disk DescriptorFile\nversion=3\nencoding="UTF-8"\nCID=fffffffe\nparentCID=ffffffff\n'
        b'isNativeSnapshot="no"\ncreateType="monolithicSparse"\r\n\nRW 20480 SPARSE "my disk.vmdk"\n'
        b'ddb.longContentID = "a"\nddb.toolsVersion = "2147483647"\nddb.thinProvisioned = "1"\n'
    )
    for text in (virtualbox, vmware):
        assert not inspect(io.BytesIO(bytes(vmdk(Builder(tmp_path, tmp_path), text)))).unsafe
