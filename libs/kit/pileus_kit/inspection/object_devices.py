"""Finds devices that the object store's rings name and that can't hold anything.

What they held has fewer copies until they are back, and clients don't notice, as the other copies answer.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pileus_kit.inspection.facts import DeviceDamage

RINGS = ("account", "container", "object")
MARKER = ".device"


def lost_devices(state: Path, address: str) -> Iterable[DeviceDamage]:
    """Check this host's devices. `address` is where its storage server listens; other hosts' devices are checked
    there."""
    place = state / "objectstore"
    names: set[str] = set()
    for name in RINGS:
        file = place / "rings" / f"{name}.ring"
        try:
            devices = json.loads(file.read_bytes())["devices"]
        except FileNotFoundError:
            yield DeviceDamage("rings", f"{name} ring", "it is gone", str(file), "deploy/up")
        except (ValueError, KeyError):
            yield DeviceDamage("rings", f"{name} ring", "it can't be read", str(file), "")
        else:
            names |= {device["name"] for device in devices if device and device["host"] == address}
    for name in sorted(names):
        if (found := _wrong(place / name)) is not None:
            cause, evidence, mend = found
            again = f"pileus-objectstore-manage --config {state}/etc/objectstore-agent.conf format {name}"
            yield DeviceDamage("object devices", f"device {name}", cause, evidence, mend or again)


def _wrong(device: Path) -> tuple[str, str, str] | None:
    """Return cause, evidence and the command that mends it; "" where the device has to be formatted again.

    A disk has to be mounted first: formatting never touches what is on a device.
    """
    if not device.is_dir():
        return "it is gone", f"there is no directory {device}", ""
    owner, expected = device.stat().st_uid, device.parent.stat().st_uid
    if owner != expected:
        mend = f"chown --reference={device.parent} {device}"
        return "it belongs to another user", f"{device} is of user {owner}", mend
    if not os.access(device, os.W_OK | os.X_OK):
        return "it can't be written", f"{device} has mode {device.stat().st_mode:o}", f"chmod 700 {device}"
    try:
        marked = _marker(device)
    except FileNotFoundError:
        return "it is not mounted, or its disk is a new one", f"{device / MARKER} is missing", ""
    except OSError as err:
        return "it can't be read", str(err), f"fsck the disk of {device}"
    if marked not in (None, device.name):
        return f"another device, {marked}, is in its place", str(device / MARKER), f"mount {device.name} at {device}"
    return None


def _marker(device: Path) -> Any:
    """Return the name in the device's marker. The storage server accepts a marker that can't be parsed as its own."""
    try:
        return json.loads((device / MARKER).read_bytes())["name"]
    except (ValueError, KeyError, TypeError):
        return None
