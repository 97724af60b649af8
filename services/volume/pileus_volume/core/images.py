"""Images that volumes are created from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from pileus_kit import decoding
from pileus_volume.errors import Invalid, InvalidImage
from pileus_volume.rpc import GIB

TYPE_PROPERTY = "cinder_img_volume_type"  # an image names the type of its volumes with this property


@dataclass(frozen=True)
class SourceImage:
    """An image that the caller may use, as the image service shows it.

    `digest` by `algorithm`; `size` and `virtual_size` in bytes, `min_disk` in GiB; `properties`: what volumes made from
    it keep of it.
    """

    id: str
    format: str
    algorithm: str
    digest: str
    size: int
    virtual_size: int
    min_disk: int
    properties: Mapping[str, object] = field(default_factory=dict)

    @property
    def volume_type(self) -> str | None:
        """The type that the image asks for, by id or name."""
        name = self.properties.get(TYPE_PROPERTY)
        return name if isinstance(name, str) else None


@dataclass(frozen=True)
class ImageContent:
    """What a storage host needs to know of an image, beside a ticket, to fill a volume with it."""

    image_id: str
    format: str
    algorithm: str
    digest: str
    size: int


def content_of(image: SourceImage) -> ImageContent:
    """What a job keeps of the image."""
    return ImageContent(image.id, image.format, image.algorithm, image.digest, image.size)


def check_fits(image: SourceImage, size_gib: int | None) -> None:
    """Raise InvalidImage unless the image fits into a volume of so many GiB; without a size it does."""
    if size_gib is None:
        return
    if size_gib < image.min_disk:
        raise InvalidImage(
            image=image.id,
            why=f"Volume size {size_gib}GB cannot be smaller than the image minDisk size {image.min_disk}GB.",
        )
    if size_gib * GIB < max(image.virtual_size, image.size if image.format == "raw" else 0):
        raise InvalidImage(
            image=image.id,
            why=f"Size of specified image {max(image.virtual_size, image.size)} bytes "
            f"is larger than volume size {size_gib}GB.",
        )


class _BlockDevice(msgspec.Struct):
    """The parts of a block device mapping that compute writes into an image's property."""

    boot_index: object = None
    source_type: object = None
    snapshot_id: object = None


def root_snapshot_id(image: SourceImage) -> str | None:
    """The snapshot that the image's servers boot from: an image of a server on volumes names it and has no data.

    Compute writes the property, but any user may write it as well. Raises Invalid if it can't be read.
    """
    text = image.properties.get("block_device_mapping")
    if not text:
        return None
    try:
        if not isinstance(text, str):
            raise TypeError("it is no text")
        devices = decoding.decode(text, list[_BlockDevice])
    except (msgspec.MsgspecError, RecursionError, TypeError, UnicodeError):
        raise Invalid(why=f"block_device_mapping of image {image.id} is not what compute writes.") from None
    roots = [device for device in devices if device.boot_index in (0, "0") and device.source_type == "snapshot"]
    found = roots[0].snapshot_id if roots else None
    return found if isinstance(found, str) else None
