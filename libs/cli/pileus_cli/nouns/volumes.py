"""Volumes, their snapshots, types and backups."""

from argparse import Namespace
from typing import Any

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import body_of, commands, pairs, subject
from pileus_cli.finding import find_id
from pileus_cli.kinds import Kind
from pileus_cli.waiting import until_ready

ALL = arg("--all-projects", "of every project (administrators)", into="all_tenants", action="store_true")
STATUS, NAME = arg("--status", into="status"), arg("--name", into="name")
CHANGE = (arg("--name", into="name"), arg("--description", into="description"))


def attached(row: Any) -> str:
    return ", ".join(f"Attached to {one['server_id']} on {one.get('device') or '?'}" for one in row["attachments"])


VOLUME = Kind(
    "volume",
    "volume",
    "/volumes",
    "volume",
    "volumes",
    {"ID": "id", "Name": "name", "Status": "status", "Size": "size", "Attached to": attached},
    {"Type": "volume_type", "Bootable": "bootable", "Properties": "metadata"},
    detail="/volumes/detail",
    filters=(ALL, STATUS, NAME),
    change=CHANGE,
    gone_when_404=True,
    ready={"good": "available", "bad": "error error_restoring error_extending"},
    examples={"list": ("pileus volume list",)},
)
SNAPSHOT = Kind(
    "volume snapshot",
    "volume",
    "/snapshots",
    "snapshot",
    "snapshots",
    {"ID": "id", "Name": "name", "Description": "description", "Status": "status", "Size": "size"},
    {"Created At": "created_at", "Volume": "volume_id"},
    detail="/snapshots/detail",
    filters=(ALL, STATUS, NAME, arg("--volume", into="volume_id", kind="volume")),
    create=(
        arg("name", into="name"),
        arg("--volume", into="volume_id", kind="volume", required=True),
        arg("--description", into="description"),
        arg("--force", into="force", action="store_true"),
    ),
    change=CHANGE,
    gone_when_404=True,
    ready={"good": "available"},
)
TYPE = Kind(
    "volume type",
    "volume",
    "/types",
    "volume_type",
    "volume_types",
    {"ID": "id", "Name": "name", "Is Public": "is_public"},
    {"Description": "description", "Properties": "extra_specs"},
    name_filter="",
    create=(
        arg("name", into="name"),
        arg("--description", into="description"),
        arg("--private", into="os-volume-type-access:is_public", action="store_false", default=None),
    ),
    change=CHANGE,
)
BACKUP = Kind(
    "volume backup",
    "volume",
    "/backups",
    "backup",
    "backups",
    {"ID": "id", "Name": "name", "Description": "description", "Status": "status", "Size": "size"},
    {"Volume": "volume_id", "Container": "container"},
    detail="/backups/detail",
    filters=(ALL, STATUS, NAME),
    create=(
        arg("volume", into="volume_id", kind="volume"),
        arg("--name", into="name"),
        arg("--container", into="container"),
        arg("--description", into="description"),
        arg("--snapshot", into="snapshot_id", kind="volume snapshot"),
        arg("--force", into="force", action="store_true"),
        arg("--incremental", into="incremental", action="store_true"),
    ),
    change=CHANGE,
    gone_when_404=True,
    ready={"good": "available"},
)
MADE = (
    arg("name", into="name"),
    arg("--size", "GiB", into="size", type=int),
    arg("--type", into="volume_type"),
    arg("--image", "with what is in it", into="imageRef", kind="image"),
    arg("--snapshot", into="snapshot_id", kind="volume snapshot"),
    arg("--source", "a copy of this volume", into="source_volid", kind="volume"),
    arg("--backup", into="backup_id", kind="volume backup"),
    arg("--description", into="description"),
    arg("--availability-zone", into="availability_zone"),
    arg("--property", "KEY=VALUE", action="append"),
)


def create(context: Context, given: Namespace) -> None:
    body = body_of(context, MADE, given)
    if given.property:
        body["metadata"] = pairs(given.property)
    if "size" not in body and "imageRef" in body:
        image = context.cloud.call("image", "GET", f"/images/{body['imageRef']}")
        body["size"] = max(-(-(image.get("virtual_size") or image.get("size") or 1) // (1 << 30)), image["min_disk"], 1)
    row = context.cloud.call("volume", "POST", "/volumes", {"volume": body})["volume"]
    if context.wait:
        row = until_ready(context, VOLUME, row["id"])
    context.show_thing(VOLUME.facts(row), given)


def extend(context: Context, given: Namespace) -> None:
    id = find_id(context.cloud, VOLUME, given.thing)
    context.cloud.call("volume", "POST", f"/volumes/{id}/action", {"os-extend": {"new_size": given.size}})
    if context.wait:
        from dataclasses import replace

        until_ready(context, replace(VOLUME, ready={"good": "available in-use", "bad": "error error_extending"}), id)


def restore(context: Context, given: Namespace) -> None:
    id = find_id(context.cloud, BACKUP, given.thing)
    body = {"volume_id": find_id(context.cloud, VOLUME, given.volume)} if given.volume else {}
    made = context.cloud.call("volume", "POST", f"/backups/{id}/restore", {"restore": body})["restore"]
    if context.wait:
        until_ready(context, VOLUME, made["volume_id"])
    context.show_thing(made, given)


COMMANDS = [
    *commands(VOLUME, ("list", "show")),
    Command(
        "volume create",
        "Create a volume",
        MADE,
        create,
        (
            "pileus volume create example-disk --size 1",
            "pileus volume extend example-disk 2",
            "pileus volume snapshot create example-shot --volume example-disk",
            "pileus volume snapshot delete example-shot",
            "pileus volume delete example-disk",
        ),
        "volume",
        "thing",
    ),
    Command(
        "volume extend", "Make a volume larger", (subject(VOLUME), arg("size", "GiB", type=int)), extend, (), "volume"
    ),
    *commands(VOLUME, ("set", "delete")),
    *commands(SNAPSHOT),
    *commands(TYPE),
    *commands(BACKUP, ("list", "show", "create", "delete")),
    Command(
        "volume backup restore",
        "Write a backup to a volume",
        (subject(BACKUP), arg("--volume", kind="volume")),
        restore,
        (),
        "volume",
        "thing",
    ),
]
