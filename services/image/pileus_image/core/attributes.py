"""The attributes of an image: which of them clients may set, and the JSON schemas that say so."""

from pileus_image.errors import ReadOnlyAttribute, ReservedAttribute
from pileus_kit.json_types import JsonObject

DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso")
CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
VISIBILITIES = ("community", "public", "private", "shared")
VISIBILITY_RULES = {"public": "publicize_image", "community": "communitize_image"}
"""The policy rules for the visibilities that other projects see."""
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
PLAIN_ATTRIBUTES = (
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
"""Attributes that clients are shown as the columns hold them."""
VIEW_COLUMNS = (*PLAIN_ATTRIBUTES, "created_at", "updated_at", "properties")
"""The columns that a view is made of, in the order in which lists read them."""
MAX_TAGS = MAX_PROPERTIES = MAX_MEMBERS = 128
MAX_PROPERTY_BYTES = 65_535
"""What fits into MySQL's TEXT, which clients know as the limit."""
UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

MAX_TAG_LENGTH = 255
TAG = {"type": "string", "maxLength": MAX_TAG_LENGTH}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}

WRITABLE: dict[str, JsonObject] = {
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
FIXED: dict[str, JsonObject] = {
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
PROPERTY = {"type": "string", "maxLength": MAX_PROPERTY_BYTES}
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


def check_writable(name: str) -> None:
    """Raise ReadOnlyAttribute or ReservedAttribute if clients may not set this attribute or property."""
    if name in READ_ONLY:
        raise ReadOnlyAttribute(name=name)
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise ReservedAttribute(name=name)
