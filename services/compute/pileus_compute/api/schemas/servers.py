"""What creating, updating and rebuilding a server accept at each microversion."""

from pileus_compute.api.schemas.types import (
    BASE64,
    BOOLEAN,
    DESCRIPTION,
    DISK_CONFIG,
    HOSTNAME,
    IP,
    IPV4,
    IPV6,
    LABEL,
    METADATA,
    NAME,
    PASSWORD,
    TAG,
    TAGS,
    UUID,
    UUID_OR_NULL,
    Schema,
    number,
    obj,
)

DEVICE = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9._\-r/]*$"}
SHORT = {"type": "string", "maxLength": 255}
COUNT = {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 1, "minLength": 1}
IMAGE = {"anyOf": [UUID, {"type": "string", "maxLength": 0}]}
CERTIFICATES = {
    "type": ["array", "null"],
    "minItems": 1,
    "maxItems": 50,
    "uniqueItems": True,
    "items": {"type": "string", "minLength": 1},
}
PERSONALITY = {"type": "array", "items": obj({"path": {"type": "string"}, "contents": BASE64})}

NETWORK: Schema = {"fixed_ip": IP, "port": UUID_OR_NULL, "uuid": UUID}
DISK_V1: Schema = {
    "virtual_name": SHORT,
    "volume_id": UUID,
    "snapshot_id": UUID,
    "volume_size": number(1),
    "device_name": DEVICE,
    "delete_on_termination": BOOLEAN,
    "no_device": {},
    "connection_info": {"type": "string", "maxLength": 16777215},
}
DISK: Schema = DISK_V1 | {
    "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
    "uuid": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9._-]*$"},
    "image_id": UUID,
    "destination_type": {"type": "string", "enum": ["local", "volume"]},
    "guest_format": SHORT,
    "device_type": SHORT,
    "disk_bus": SHORT,
    "boot_index": number(-2147483648) | {"type": ["integer", "string", "null"]},
}

MAX_ITEMS = 255  # networks, disks, named servers: more than any guest can have
UUIDS = {"anyOf": [UUID, {"type": "array", "items": UUID, "maxItems": MAX_ITEMS}]}
HINTS = {
    "type": "object",
    "additionalProperties": True,
    "maxProperties": MAX_ITEMS,
    "propertyNames": {"maxLength": 255},
    "properties": {
        "group": UUID,
        "different_host": UUIDS,
        "same_host": UUIDS,
        "query": {"type": ["string", "object"]},
        "target_cell": NAME,
        "different_cell": {"type": ["string", "array"], "items": {"type": "string"}},
        "build_near_host_ip": IP,
        "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
    },
}


def _networks(properties: Schema) -> Schema:
    return {"type": "array", "items": obj(properties), "maxItems": MAX_ITEMS}


def _disks(properties: Schema) -> Schema:
    return {"type": "array", "items": obj(properties), "maxItems": MAX_ITEMS}


BASE: Schema = {
    "name": NAME,
    "imageRef": IMAGE,
    "flavorRef": {"type": ["string", "integer"], "minLength": 1},
    "adminPass": PASSWORD,
    "metadata": METADATA,
    "networks": _networks(NETWORK),
    "OS-DCF:diskConfig": DISK_CONFIG,
    "accessIPv4": IPV4,
    "accessIPv6": IPV6,
    "personality": PERSONALITY,
    "availability_zone": NAME,
    "block_device_mapping": _disks(DISK_V1),
    "block_device_mapping_v2": _disks(DISK),
    "config_drive": BOOLEAN,
    "key_name": NAME,
    "min_count": COUNT,
    "max_count": COUNT,
    "return_reservation_id": BOOLEAN,
    "security_groups": {"type": "array", "items": obj({"name": NAME}), "maxItems": MAX_ITEMS},
    "user_data": BASE64 | {"maxLength": 65535},
}


def _create(properties: Schema, required: tuple[str, ...] = ("name", "flavorRef")) -> Schema:
    return obj(
        {"server": obj(properties, required), "os:scheduler_hints": HINTS, "OS-SCH-HNT:scheduler_hints": HINTS},
        ("server",),
    )


def _creates() -> dict[tuple[int, int], Schema]:
    """Return the schema of each microversion that changed it, made from the one before."""
    all_three = ("name", "flavorRef", "networks")
    chosen = {"anyOf": [_networks(NETWORK), {"type": "string", "enum": ["none", "auto"]}]}
    tagged_nets = NETWORK | {"tag": TAG}
    tables: dict[tuple[int, int], Schema] = {(2, 1): _create(BASE)}
    now = BASE | {"description": DESCRIPTION}
    tables[2, 19] = _create(now)
    now = now | {"networks": _networks(tagged_nets), "block_device_mapping_v2": _disks(DISK | {"tag": TAG})}
    tables[2, 32] = _create(now)
    now = now | {"networks": _networks(NETWORK), "block_device_mapping_v2": _disks(DISK)}
    tables[2, 33] = _create(now)
    now = now | {"networks": chosen}
    tables[2, 37] = _create(now, all_three)
    chosen = {"anyOf": [_networks(tagged_nets), {"type": "string", "enum": ["none", "auto"]}]}
    now = now | {"networks": chosen, "block_device_mapping_v2": _disks(DISK | {"tag": TAG})}
    tables[2, 42] = _create(now, all_three)
    now = now | {"tags": TAGS}
    tables[2, 52] = _create(now, all_three)
    now = {k: v for k, v in now.items() if k != "personality"}
    tables[2, 57] = _create(now, all_three)
    now = now | {"trusted_image_certificates": CERTIFICATES}
    tables[2, 63] = _create(now, all_three)
    typed = DISK | {"tag": TAG, "volume_type": {"type": ["string", "null"], "minLength": 0, "maxLength": 255}}
    now = now | {"block_device_mapping_v2": _disks(typed)}
    tables[2, 67] = _create(now, all_three)
    now = now | {"host": HOSTNAME, "hypervisor_hostname": HOSTNAME}
    tables[2, 74] = _create(now, all_three)
    now = now | {"hostname": LABEL}
    tables[2, 90] = _create(now, all_three)
    now = now | {"hostname": HOSTNAME}  # with a domain, too
    tables[2, 94] = _create(now, all_three)
    return tables


CREATE = _creates()

UPDATED: Schema = {
    "name": NAME,
    "OS-DCF:diskConfig": DISK_CONFIG,
    "accessIPv4": {"anyOf": [IPV4, {"enum": [""]}]},
    "accessIPv6": {"anyOf": [IPV6, {"enum": [""]}]},
}
UPDATE = {
    (2, 1): obj({"server": obj(UPDATED)}, ("server",)),
    (2, 19): obj({"server": obj(UPDATED | {"description": DESCRIPTION})}, ("server",)),
    (2, 90): obj({"server": obj(UPDATED | {"description": DESCRIPTION, "hostname": LABEL})}, ("server",)),
    (2, 94): obj({"server": obj(UPDATED | {"description": DESCRIPTION, "hostname": HOSTNAME})}, ("server",)),
}

REBUILT: Schema = {
    "name": NAME,
    "imageRef": UUID,
    "adminPass": PASSWORD,
    "metadata": METADATA,
    "preserve_ephemeral": BOOLEAN,
    "OS-DCF:diskConfig": DISK_CONFIG,
    "accessIPv4": IPV4,
    "accessIPv6": IPV6,
}


def _rebuilds() -> dict[tuple[int, int], Schema]:
    def wrap(properties: Schema) -> Schema:
        return obj({"rebuild": obj(properties, ("imageRef",))}, ("rebuild",))

    tables = {(2, 1): wrap(REBUILT | {"personality": PERSONALITY})}
    now = REBUILT | {"description": DESCRIPTION}
    tables[2, 19] = wrap(now | {"personality": PERSONALITY})
    now = now | {"key_name": {"anyOf": [NAME, {"type": "null"}]}}
    tables[2, 54] = wrap(now | {"personality": PERSONALITY})
    now = now | {"user_data": {"anyOf": [BASE64 | {"maxLength": 65535}, {"type": "null"}]}}
    tables[2, 57] = wrap(now)
    now = now | {"trusted_image_certificates": CERTIFICATES}
    tables[2, 63] = wrap(now)
    tables[2, 90] = wrap(now | {"hostname": LABEL})
    tables[2, 94] = wrap(now | {"hostname": HOSTNAME})
    return tables


REBUILD = _rebuilds()
