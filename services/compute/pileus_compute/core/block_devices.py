"""Block devices of a new server: what the request and its image ask for, merged into what the server boots from.

An image may define block devices, too. Such an image has no data: its disks are snapshots of volumes.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject

MAX_DEVICES = 64  # of one server
MAX_DEVICE_NAME = 64  # characters
SOURCES_WITH_ID = ("volume", "snapshot", "image")


@dataclass(frozen=True)
class BlockDevice:
    """A disk of a new server: a volume that exists or is made from an image, a snapshot or nothing, or a local disk."""

    source: str
    """What fills it: volume, snapshot, image or blank; empty if the request doesn't say."""
    source_id: str | None = None
    boot_index: int | None = None
    """0: the server boots from it; None: it never does."""
    local: bool = False
    """It lies on the host, not in a volume."""
    swap: bool = False
    size_gib: int | None = None
    device: str | None = None
    volume_type: str | None = None
    delete_on_termination: bool = False
    tag: str | None = None
    removed: bool = False
    """The request doesn't want this device of its image."""

    @property
    def is_root(self) -> bool:
        """Whether the server boots from it."""
        return self.boot_index == 0

    @property
    def short_name(self) -> str:
        """The device name without its folder; empty if none is asked for."""
        return (self.device or "").removeprefix("/dev/")


@dataclass(frozen=True)
class BootPlan:
    """What the merged devices mean. `image_id` None: the server boots from the volume with boot index 0."""

    image_id: str | None
    volumes: tuple[BlockDevice, ...]
    local_disks: tuple[BlockDevice, ...]


@dataclass(frozen=True)
class BootSource:
    """What a new server is made from, as the image and volume services say."""

    image_id: str | None
    """None: the server boots from the volume with boot index 0."""
    volumes: tuple[BlockDevice, ...] = ()
    local_disks: tuple[BlockDevice, ...] = ()
    image_facts: JsonObject = field(default_factory=dict)
    """What the server remembers of the image that its root disk is made from (see core.boot_images)."""
    from_image: bool = False
    """The root disk is made from an image now, so it must be large enough for it."""

    @property
    def root_volume_gib(self) -> int:
        """The size of the volume that is made to boot from; 0 if there is none, or one that exists."""
        return next((v.size_gib or 0 for v in self.volumes if v.is_root), 0)


def invalid(why: str) -> BadRequest:
    """Return the refusal of a block device mapping in OpenStack's words."""
    return BadRequest(why=f"Block Device Mapping is Invalid: {why}")


def root_of(devices: Iterable[BlockDevice]) -> BlockDevice | None:
    """Return the device to boot from."""
    return next((d for d in devices if d.is_root), None)


def merge(defined: Collection[BlockDevice], requested: Sequence[BlockDevice]) -> list[BlockDevice]:
    """Return the requested devices, and those of the image whose name and place in the boot order are free.

    A root disk made from the image itself doesn't replace the root disk that the image defines.
    """
    if root_of(defined):
        requested = [d for d in requested if not (d.is_root and d.source == "image")]
    names = {d.short_name for d in requested} - {""}
    places = {d.boot_index for d in requested} - {None}
    others = [d for d in defined if d.short_name not in names and d.boot_index not in places]
    return [d for d in [*requested, *others] if not d.removed]


def plan(devices: Sequence[BlockDevice], image_id: str | None) -> BootPlan:
    """Return what the server boots from and which volumes it gets. A volume to boot from goes before the image.

    Raises BadRequest for devices that contradict each other or lack something.
    """
    if len(devices) > MAX_DEVICES:
        raise invalid(f"A server has at most {MAX_DEVICES} disks.")
    volumes: list[BlockDevice] = []
    local_disks: list[BlockDevice] = []
    local_root = False
    for device in devices:
        _check(device)
        if not device.local:
            volumes.append(device)
        elif device.source == "blank":
            local_disks.append(device)
        else:
            if not device.is_root or (image_id and device.source_id != image_id):
                raise invalid("Mapping image to local is not supported.")
            image_id, local_root = device.source_id, True
    roots = [d for d in volumes if d.is_root]
    if len(roots) > 1 or (roots and local_root):
        raise invalid("Boot sequence for the instance and image/block device mapping combination is not valid.")
    if not roots and not image_id:
        raise invalid(
            "Boot sequence for the instance and image/block device mapping combination is not valid."
            if devices
            else "you must supply an image or a bootable volume."
        )
    return BootPlan(None if roots else image_id, tuple(volumes), tuple(local_disks))


def _check(device: BlockDevice) -> None:
    """Raise BadRequest if the device lacks what its kind needs."""
    if not device.source:
        raise invalid("source_type is missing.")
    if device.local:
        if device.source not in ("image", "blank"):
            raise invalid(f"Mapping {device.source} to local is not supported.")
        return
    if device.source in SOURCES_WITH_ID and not device.source_id:
        raise invalid("Missing device UUID.")
    if device.source in ("blank", "image") and not device.size_gib:
        raise invalid("Volume size is missing: it must be given for blank volumes and volumes made from images.")
    if device.device and len(device.device) > MAX_DEVICE_NAME:
        raise invalid(f"A device name has at most {MAX_DEVICE_NAME} characters.")


def check_local_disks(devices: Iterable[BlockDevice], ephemeral_gib: int, swap_mib: int) -> None:
    """Raise BadRequest for a blank local disk that is larger than the flavor's."""
    for device in devices:
        room = -(-swap_mib // 1024) if device.swap else ephemeral_gib
        if (device.size_gib or 0) > room or not room:
            raise invalid("Local disks must not be larger than the flavor's.")


def check_snapshot(device: BlockDevice, status: str, size_gib: int) -> None:
    """Raise BadRequest if no volume can be made for the device from its snapshot."""
    if status != "available":
        raise invalid(f"snapshot {device.source_id} must be available, and is {status}.")
    if device.size_gib is not None and device.size_gib < size_gib:
        raise invalid(
            f"snapshot {device.source_id} has {size_gib} GiB, and a volume of {device.size_gib} GiB was asked for."
        )
