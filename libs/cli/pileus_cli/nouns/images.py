"""Images: uploads, downloads and their properties."""

from argparse import Namespace
from pathlib import Path

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import commands, pairs, subject
from pileus_cli.errors import Trouble, Usage
from pileus_cli.finding import find
from pileus_cli.json_types import JsonObject
from pileus_cli.kinds import Kind
from pileus_cli.transfers import Progress, download

IMAGE = Kind(
    "image",
    "image",
    "/images",
    "",
    "images",
    {"ID": "id", "Name": "name", "Status": "status"},
    {
        "Disk Format": "disk_format",
        "Container Format": "container_format",
        "Size": "size",
        "Checksum": "checksum",
        "Visibility": "visibility",
        "Protected": "protected",
        "Project": "owner",
        "Tags": "tags",
    },
    filters=(
        arg("--public", "only those for everybody", into="visibility", action="store_const", const="public"),
        arg("--name", into="name"),
        arg("--status", into="status"),
        arg("--tag", into="tag"),
    ),
    ready={"good": "active", "bad": "killed deleted"},
    hidden=("links", "schema", "self", "file", "direct_url"),
    examples={
        "list": ("pileus image list", "pileus image list --long -f yaml"),
        "show": ("pileus image show pileus-test -f json",),
    },
)
FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso", "ami", "aki", "ari", "ploop")
ENDINGS = {
    ".qcow2": "qcow2",
    ".img": "raw",
    ".raw": "raw",
    ".vmdk": "vmdk",
    ".vdi": "vdi",
    ".vhd": "vhd",
    ".vhdx": "vhdx",
    ".iso": "iso",
}


def create(context: Context, given: Namespace) -> None:
    file = Path(given.file) if given.file else None
    if file and not file.is_file():
        raise Usage(f"There is no file {file}.")
    context.show_thing(IMAGE.facts(_create(context, given, file)), given)


def _create(context: Context, given: Namespace, file: Path | None) -> JsonObject:
    kind = given.disk_format or (_format(file) if file else "raw")
    body: JsonObject = {
        "name": given.name,
        "disk_format": kind,
        "container_format": given.container_format,
        **pairs(given.property),
    }
    for name in ("min_disk", "min_ram", "visibility"):
        if getattr(given, name) is not None:
            body[name] = getattr(given, name)
    if given.tag:
        body["tags"] = given.tag
    row = context.cloud.call("image", "POST", "/images", body)
    if file:
        try:
            _upload(context, row["id"], file)
        except BaseException:
            context.say(f"The image {row['id']} has no data: pileus image upload {row['id']} {file}")
            raise
        row = dict(context.cloud.call("image", "GET", f"/images/{row['id']}"))
    return dict(row)


def build(context: Context, given: Namespace) -> None:
    """Build an image of a distribution on this machine with the installed entry point (pileus-deploy's), and upload
    it."""
    from importlib.metadata import entry_points
    from tempfile import TemporaryDirectory

    builders = {found.name: found for found in entry_points(group="pileus.images")}
    if given.distribution not in builders:
        raise Usage(
            f"Nothing here can build {given.distribution!r}.",
            f"It can build: {', '.join(sorted(builders))}" if builders else "Install pileus-deploy.",
        )
    with TemporaryDirectory(dir=given.workspace, prefix="pileus-image-") as place:
        made = Path(place) / f"{given.distribution}-{given.release}.qcow2"
        try:
            properties = builders[given.distribution].load()(made, given.release)
        except RuntimeError as err:
            raise Trouble(str(err)) from None
        given.name = given.name or made.stem
        given.property = [*(f"{key}={value}" for key, value in properties.items()), *(given.property or ())]
        context.show_thing(IMAGE.facts(_create(context, given, made)), given)


def _format(file: Path) -> str:
    """Return the disk format by the file's first bytes, else by its name's ending."""
    with file.open("rb") as opened:
        head = opened.read(8)
    if head[:4] == b"QFI\xfb":
        return "qcow2"
    if head[:4] == b"KDMV":
        return "vmdk"
    return "vhdx" if head == b"vhdxfile" else ENDINGS.get(file.suffix.lower(), "raw")


def _upload(context: Context, image_id: str, file: Path) -> None:
    url = f"{context.cloud.endpoint('image')}/images/{image_id}/file"
    with file.open("rb") as opened, Progress(context, f"upload {file.name}", file.stat().st_size) as progress:
        context.cloud.request(
            "PUT",
            url,
            data=progress.reading(opened),
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)},
        )


def upload(context: Context, given: Namespace) -> None:
    _upload(context, find(context.cloud, IMAGE, given.thing)["id"], Path(given.file))


def save(context: Context, given: Namespace) -> None:
    row = find(context.cloud, IMAGE, given.thing)
    url = f"{context.cloud.endpoint('image')}/images/{row['id']}/file"
    download(
        context,
        url,
        given.file or f"{row['name'] or row['id']}.{row['disk_format']}",
        row.get("size"),
        str(row.get("os_hash_value") or row.get("checksum")),
    )


def change(context: Context, given: Namespace) -> None:
    row = find(context.cloud, IMAGE, given.thing)
    body: JsonObject = dict(pairs(given.property))
    for name in ("name", "min_disk", "min_ram", "visibility", "protected"):
        if getattr(given, name) is not None:
            body[name] = getattr(given, name)
    patch = [
        {"op": "replace" if key in row else "add", "path": f"/{key}", "value": value} for key, value in body.items()
    ]
    patch += [{"op": "remove", "path": f"/{key}"} for key in given.unset or ()]
    if not patch:
        raise Usage("Nothing to change was named.", "pileus image set --help")
    context.cloud.call(
        "image",
        "PATCH",
        f"/images/{row['id']}",
        patch,
        headers={"Content-Type": "application/openstack-images-v2.1-json-patch"},
    )


VISIBILITY = [
    arg(f"--{name}", dest="visibility", action="store_const", const=name)
    for name in ("public", "private", "shared", "community")
]
PROPERTY = arg("--property", "KEY=VALUE", action="append", metavar="KEY=VALUE")
LARGE = "/var/tmp"  # noqa: S108 -- a private directory in it; /tmp may be memory
FACTS = (
    arg("--disk-format", choices=FORMATS),
    arg("--container-format", default="bare"),
    arg("--min-disk", "GiB", type=int),
    arg("--min-ram", "MiB", type=int),
    *VISIBILITY,
    PROPERTY,
    arg("--tag", action="append"),
)
COMMANDS = [
    *commands(IMAGE, ("list", "show")),
    Command(
        "image create",
        "Create an image",
        (arg("name"), arg("--file", "its data", metavar="FILE"), *FACTS),
        create,
        (
            "pileus image create example-image --disk-format raw --file /etc/hostname",
            "pileus image save example-image --file example-image.raw",
            "pileus image delete example-image",
        ),
        "image",
        "thing",
    ),
    Command(
        "image build",
        "Build an image of a distribution on this machine, and upload it (root)",
        (
            arg("distribution", "debian"),
            arg("--release", "its code name", default="bookworm"),
            arg("--name", "DISTRIBUTION-RELEASE otherwise"),
            *FACTS,
            arg(
                "--workspace", "where it is built, in a directory of its own; needs 2 GiB", metavar="DIR", default=LARGE
            ),
        ),
        build,
        (),
        "image",
        "thing",
    ),
    Command("image upload", "Give an image its data", (subject(IMAGE), arg("file")), upload, (), "image"),
    Command(
        "image save",
        "Fetch an image's data; goes on where it stopped",
        (subject(IMAGE), arg("--file", metavar="FILE")),
        save,
        (),
        "image",
    ),
    Command(
        "image set",
        "Change an image",
        (
            subject(IMAGE),
            arg("--name"),
            arg("--min-disk", type=int),
            arg("--min-ram", type=int),
            *VISIBILITY,
            PROPERTY,
            arg("--protected", action="store_true", default=None),
            arg("--unprotected", dest="protected", action="store_false", default=None),
            arg("--unset", "remove a property", action="append", metavar="KEY"),
        ),
        change,
        (),
        "image",
    ),
    *commands(IMAGE, ("delete",)),
]
