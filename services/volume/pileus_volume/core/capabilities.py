"""Capabilities: whether a storage host can do what a type's extra specs ask for.

A spec without a scope, or with the scope `capabilities:`, names a capability that the host must have; specs of other
scopes are ignored. Values may begin with an operator, as in OpenStack's scheduler.
"""

from collections.abc import Callable, Mapping

from pileus_volume.db.models import StorageHost

SCOPE = "capabilities"
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "<is>": lambda has, asked: has.lower() == asked.lower(),
    "<or>": lambda has, asked: has in [one.strip() for one in asked.split("<or>")],
    "<in>": lambda has, asked: asked in has,
    "s==": lambda has, asked: has == asked,
    "s!=": lambda has, asked: has != asked,
    "s<": lambda has, asked: has < asked,
    "s<=": lambda has, asked: has <= asked,
    "s>": lambda has, asked: has > asked,
    "s>=": lambda has, asked: has >= asked,
    "=": lambda has, asked: _number(has) >= _number(asked),
    "==": lambda has, asked: _number(has) == _number(asked),
    "!=": lambda has, asked: _number(has) < _number(asked) or _number(has) > _number(asked),
    ">=": lambda has, asked: _number(has) >= _number(asked),
    "<=": lambda has, asked: _number(has) <= _number(asked),
}
ZONES = "RESKEY:availability_zones"
VENDOR = "Open Source"  # what Cinder's own drivers report


def capabilities_of(host: StorageHost) -> dict[str, object]:
    """What the host can do, by OpenStack's names; capacities in GiB."""
    return {
        "volume_backend_name": host.backend_name,
        "pool_name": host.backend_name,
        "driver_version": "1.0",
        "storage_protocol": "file",
        "vendor_name": VENDOR,
        "total_capacity_gb": host.total_gib,
        "free_capacity_gb": host.free_gib,
        "thin_provisioning_support": True,
        "thick_provisioning_support": False,
        "QoS_support": False,
        "multiattach": True,
        "online_extend_support": True,
        "replication_enabled": False,
        "consistent_group_snapshot_enabled": False,
        "group_replication_enabled": False,
        "consistent_group_replication_enabled": False,
    }


def find_unmet(host: StorageHost, extra_specs: Mapping[str, str]) -> str | None:
    """The first extra spec that the host doesn't meet, as a sentence about the host; None if it meets all."""
    has = capabilities_of(host)
    for key, asked in extra_specs.items():
        scope, colon, name = key.partition(":")
        if key == ZONES:
            if host.availability_zone not in [zone.strip() for zone in asked.split(",")]:
                return f"it is in zone {host.availability_zone}, not in one of {asked}"
            continue
        if colon and scope != SCOPE:
            continue
        name = name if colon else scope
        if name not in has:
            return f"it has no capability {name}"
        if not _meets(str(has[name]), asked):
            return f"its {name} is {has[name]}, not {asked}"
    return None


def _meets(has: str, asked: str) -> bool:
    sign, _, value = asked.strip().partition(" ")
    if sign in OPERATORS and value:
        return OPERATORS[sign](has, value.strip())
    return has == asked.strip()


def _number(text: str) -> float:
    """NaN for a text that is no number, so that every comparison with it fails."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
