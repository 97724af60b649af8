"""What a server is for lists, lookups and completion."""

from collections.abc import Mapping, Sequence
from typing import Any

from pileus_cli.commands import arg
from pileus_cli.context import Context
from pileus_cli.json_types import JsonObject
from pileus_cli.kinds import Kind

RESTS = "active shutoff paused suspended rescue verify_resize shelved shelved_offloaded error"


def addresses(row: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{network}={', '.join(one['addr'] for one in found)}"
        for network, found in (row.get("addresses") or {}).items()
    )


def image_name(row: Mapping[str, Any]) -> str:
    if not row.get("image"):
        return "N/A (booted from volume)"
    return str(row["image"].get("name") or row["image"]["id"])


def name_images(context: Context, rows: Sequence[JsonObject]) -> None:
    """Servers show their images by id only; one call asks for the names of all of them."""
    ids = sorted({row["image"]["id"] for row in rows if row.get("image")})
    if not ids or not context.cloud.offers("image"):
        return
    names = {
        one["id"]: one["name"]
        for part in range(0, len(ids), 50)
        for one in context.cloud.pages("image", "/images", "images", {"id": f"in:{','.join(ids[part : part + 50])}"})
    }
    for row in rows:
        if row.get("image"):
            row["image"]["name"] = names.get(row["image"]["id"])


SERVER = Kind(
    "server",
    "compute",
    "/servers",
    "server",
    "servers",
    {
        "ID": "id",
        "Name": "name",
        "Status": "status",
        "Networks": addresses,
        "Image": image_name,
        "Flavor": "flavor.original_name",
    },
    {
        "Task State": "OS-EXT-STS:task_state",
        "Power State": "OS-EXT-STS:power_state",
        "Availability Zone": "OS-EXT-AZ:availability_zone",
        "Host": "OS-EXT-SRV-ATTR:host",
    },
    detail="/servers/detail",
    filters=(
        arg("--all-projects", "of every project (administrators)", into="all_tenants", action="store_true"),
        arg("--status", into="status"),
        arg("--name", "a pattern", into="name"),
        arg("--host", into="host"),
        arg("--image", into="image", kind="image"),
        arg("--flavor", into="flavor", kind="flavor"),
        arg("--ip", into="ip"),
    ),
    change=(arg("--name", into="name"), arg("--description", into="description")),
    gone_when_404=True,
    ready={"good": "active", "bad": "error"},
    prepare=name_images,
    examples={
        "list": (
            "pileus server list",
            "pileus server list --long -f json",
            "pileus server list -f value -c Name --filter Status=ACTIVE",
        ),
        "show": ("pileus server show first", "pileus server show first -f value -c status"),
        "set": ("pileus server set first --description 'the first one'",),
    },
)
