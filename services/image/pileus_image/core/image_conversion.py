"""Imports are converted to the format that the operator wants (`output_format`), by qemu-img in a sandbox.

The data has passed the format checks before, and what comes out passes them again. The image shows the new format from
then on; if the import fails later, it gets the former one back.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pileus_image.core import blobs, format_checks, quotas, uploads
from pileus_image.core.blobs import DataFacts
from pileus_image.core.tools import Tools
from pileus_image.db.models import Blob, Image
from pileus_image.drivers.base import BlobMissing, StoreFull
from pileus_image.drivers.file import room_of
from pileus_image.errors import ConversionFailed, ImageTooLarge, UploadLost
from pileus_kit import qemu_img
from pileus_kit.qemu_img import Disk, QemuImgFailed
from pileus_kit.sandbox import Limits

SOURCES = ("raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi")
"""What is converted. An iso stays what it is, as in Glance: a guest that boots from one expects a CD."""


def wants(image: Image, output: str) -> bool:
    """Whether an import of this image is converted to the format `output`, which is empty if none is."""
    if not output or image.container_format != "bare":
        return False
    return image.disk_format in SOURCES and image.disk_format != output


def convert(tools: Tools, image_id: str, attempt: int) -> None:
    """Put a converted copy in the place of what was staged. It can be repeated.

    Raises ConversionFailed, ImageTooLarge, StoreFull, FormatRefused, UploadLost.
    """
    with tools.sessions.read() as session:
        image = session.get(Image, image_id)
        source = session.get(Blob, image.blob) if image and image.blob else None
    if image is None or source is None:
        raise UploadLost(image=image_id)
    if not wants(image, tools.config.output_format):
        return
    facts, output = DataFacts(**source.facts), tools.config.output_format
    _check_size(tools, image, facts, output)
    with _scratch(tools, image_id, attempt) as scratch:
        _require_room(scratch, facts.virtual_size)
        _run(tools, image, source, scratch, output)
        with tools.sessions.begin() as session:
            blob = blobs.create_copy(session, image, source.store)
        image.disk_format = output  # of this object alone: the database has it when the data is whole
        with (scratch / "output").open("rb") as file:
            converted = uploads.receive(tools, blob, image, file.read)
    with tools.sessions.begin() as session:
        _replace(session.get(Image, image_id, with_for_update=True), session.get(Blob, source.id), blob, output)
        blobs.complete(session, blob, converted, "staged")


def _replace(image: Image | None, source: Blob | None, blob: Blob, output: str) -> None:
    if image is None or source is None or image.blob != source.id:
        raise UploadLost(image=blob.image_id)
    source.state = "deleting"
    image.blob, image.disk_format = blob.id, output


def forget(tools: Tools, image_id: str) -> None:
    """Delete what conversions of the image have left on this machine."""
    for directory in _folder(tools).glob(f"{image_id}.*"):
        shutil.rmtree(directory, ignore_errors=True)


def _check_size(tools: Tools, image: Image, facts: DataFacts, output: str) -> None:
    """Raise ImageTooLarge if a raw disk would be larger than an image may be; other formats have no holes to fill."""
    if output != "raw":
        return
    if facts.virtual_size > tools.config.largest_image:
        raise ImageTooLarge(why=f"one image may have {tools.config.largest_image} bytes")
    with tools.sessions.read() as session:
        quotas.check_size(session, image.owner, facts.virtual_size, tools.limits)


def _run(tools: Tools, image: Image, source: Blob, scratch: Path, output: str) -> None:
    """Write the converted data to the file `output` of the directory."""
    kind = str(image.disk_format)
    size = DataFacts(**source.facts).virtual_size
    disk = Disk(_local_copy(tools, source, scratch), format_checks.INSPECTOR_NAMES.get(kind, kind))
    try:
        qemu_img.convert(disk, Disk(scratch / "output", output), size)
    except QemuImgFailed as err:
        raise ConversionFailed(source=kind, target=output, why=str(err)) from err


def _local_copy(tools: Tools, blob: Blob, scratch: Path) -> Path:
    """Return the path of a file with the blob's data: the store's own if it has one."""
    try:
        store = tools.stores[blob.store]
        path = store.path(blob.id)
        if path is None:
            path = scratch / "source"
            with store.open(blob.id) as file, path.open("wb") as copy:
                shutil.copyfileobj(file, copy, uploads.CHUNK_BYTES)
        return path
    except (BlobMissing, KeyError):
        raise UploadLost(image=blob.image_id) from None


def _folder(tools: Tools) -> Path:
    return tools.config.path("image", "conversion")


@contextmanager
def _scratch(tools: Tools, image_id: str, attempt: int) -> Iterator[Path]:
    """Make a directory for one attempt, and delete it and those of earlier ones at the end."""
    forget(tools, image_id)
    directory = _folder(tools) / f"{image_id}.{attempt}"
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        forget(tools, image_id)


def _require_room(directory: Path, size: int) -> None:
    """Raise StoreFull if the largest file that may be written would take what databases and logs need."""
    if room_of(directory) < Limits.for_disk(size).file_bytes:
        raise StoreFull()
