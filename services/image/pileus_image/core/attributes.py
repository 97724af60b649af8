"""What an image consists of: its attributes, who may set them, and the JSON schema that says so to clients."""

from typing import Any

from pileus_image.errors import ReadOnly, Reserved

DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso")
CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
VISIBILITIES = ("community", "public", "private", "shared")
WIDE = {"public": "publicize_image", "community": "communitize_image"}
"""Visibilities that others see, and the policy rule that allows each."""
STATUSES = (
    "queued",
    "saving",
    "active",
    "killed",
    "deleted",
    "uploading",
    "importing",
    "pending_delete",
    "deactivated",
)
READ_ONLY = frozenset(
    {
        "created_at",
        "updated_at",
        "status",
        "checksum",
        "size",
        "virtual_size",
        "os_hash_algo",
        "os_hash_value",
        "direct_url",
        "self",
        "file",
        "schema",
        "stores",
    }
)
RESERVED = frozenset({"location", "locations", "deleted", "deleted_at"})
RESERVED_PREFIX = "os_glance"
SETTABLE = frozenset(
    {
        "name",
        "visibility",
        "protected",
        "os_hidden",
        "owner",
        "container_format",
        "disk_format",
        "min_ram",
        "min_disk",
        "tags",
    }
)
PLAIN = (
    "id",
    "name",
    "status",
    "visibility",
    "owner",
    "protected",
    "os_hidden",
    "container_format",
    "disk_format",
    "min_disk",
    "min_ram",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "tags",
)
"""Attributes that clients see as they are."""
SHOWN = (*PLAIN, "created_at", "updated_at", "properties")
"""Columns that a view is made of, in the order in which lists read them."""
MOST_TAGS = MOST_PROPERTIES = MOST_MEMBERS = 128
LARGEST_PROPERTY = 65_535  # bytes; as in MySQL's TEXT, which clients know as the limit
UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

TAG = {"type": "string", "maxLength": 255}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}

WRITABLE: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "pattern": UUID, "description": "An identifier for the image"},
    "name": {"type": ["null", "string"], "maxLength": 255, "description": "Descriptive name for the image"},
    "visibility": {"type": "string", "enum": list(VISIBILITIES), "description": "Scope of image accessibility"},
    "protected": {"type": "boolean", "description": "If true, image will not be deletable."},
    "os_hidden": {"type": "boolean", "description": "If true, image will not appear in default image list response."},
    "owner": {"type": ["null", "string"], "maxLength": 255, "description": "Owner of the image"},
    "container_format": {
        "type": ["null", "string"],
        "enum": [None, *CONTAINER_FORMATS],
        "description": "Format of the container",
    },
    "disk_format": {"type": ["null", "string"], "enum": [None, *DISK_FORMATS], "description": "Format of the disk"},
    "tags": {"type": "array", "items": TAG, "description": "List of strings related to the image"},
    "min_ram": COUNT | {"description": "Amount of ram (in MB) required to boot image."},
    "min_disk": COUNT | {"description": "Amount of disk space (in GB) required to boot image."},
}
FIXED: dict[str, dict[str, Any]] = {
    "status": {"type": "string", "enum": list(STATUSES), "description": "Status of the image"},
    "checksum": {"type": ["null", "string"], "maxLength": 32, "description": "md5 hash of image contents."},
    "os_hash_algo": {
        "type": ["null", "string"],
        "maxLength": 64,
        "description": "Algorithm to calculate the os_hash_value",
    },
    "os_hash_value": {
        "type": ["null", "string"],
        "maxLength": 128,
        "description": "Hexdigest of the image contents using the algorithm specified by the os_hash_algo",
    },
    "size": {"type": ["null", "integer"], "description": "Size of image file in bytes"},
    "virtual_size": {"type": ["null", "integer"], "description": "Virtual size of image in bytes"},
    "created_at": {"type": "string", "description": "Date and time of image registration"},
    "updated_at": {"type": "string", "description": "Date and time of the last image modification"},
    "self": {"type": "string", "description": "An image self url"},
    "file": {"type": "string", "description": "An image file url"},
    "schema": {"type": "string", "description": "An image schema url"},
    "stores": {"type": "string", "description": "Store in which image data resides."},
}
PROPERTY = {"type": "string", "maxLength": LARGEST_PROPERTY}
CREATE = {
    "type": "object",
    "properties": FIXED | WRITABLE | {"locations": {"type": "array"}},
    "additionalProperties": PROPERTY,
}
SCHEMA = {
    "name": "image",
    "properties": WRITABLE | {name: about | {"readOnly": True} for name, about in FIXED.items()},
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}


def refuse_foreign(name: str) -> None:
    """Raise unless a client may write this attribute or property."""
    if name in READ_ONLY:
        raise ReadOnly(name=name)
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise Reserved(name=name)
