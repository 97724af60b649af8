"""Containers and objects."""

from argparse import Namespace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import each, pairs
from pileus_cli.errors import NotFound, Refused, Usage
from pileus_cli.json_types import JsonObject
from pileus_cli.transfers import Progress, download

SEGMENT = 1 << 30  # larger objects are uploaded in parts, and an interrupted upload repeats only the missing ones
PAGE = 10_000


def url(context: Context, *names: str) -> str:
    return "/".join([context.cloud.endpoint("object-store"), *(quote(name) for name in names)])


def listing(context: Context, *names: str, prefix: str = "") -> list[JsonObject]:
    found: list[JsonObject] = []
    while True:
        marker = quote(str(found[-1].get("name") or found[-1].get("subdir", ""))) if found else ""
        page = (
            context.cloud.request(
                "GET", f"{url(context, *names)}?format=json&limit={PAGE}&marker={marker}&prefix={quote(prefix)}"
            ).json()
            or []
        )
        found += page
        if len(page) < PAGE:
            return found


def list_containers(context: Context, given: Namespace) -> None:
    context.show_rows(
        ("Name", "Count", "Bytes") if given.long else ("Name",),
        [(one["name"], one["count"], one["bytes"])[: 3 if given.long else 1] for one in listing(context)],
        given,
    )


def make_container(context: Context, given: Namespace) -> None:
    for name in given.name:
        if "/" in name:
            raise Usage("A container's name has no slash.")
        context.cloud.request("PUT", url(context, name))
    context.show_rows(("account", "container"), [(url(context).rpartition("/")[2], name) for name in given.name], given)


def show_container(context: Context, given: Namespace) -> None:
    headers = context.cloud.request("HEAD", url(context, given.name)).headers
    context.show_thing(
        {
            "account": url(context).rpartition("/")[2],
            "container": given.name,
            "bytes_used": headers.get("X-Container-Bytes-Used"),
            "object_count": headers.get("X-Container-Object-Count"),
            **_metadata(headers, "Container"),
        },
        given,
    )


def _metadata(headers: Any, what: str) -> dict[str, str]:
    start = f"x-{what.lower()}-meta-"
    return {key[len(start) :].lower(): value for key, value in headers.items() if key.lower().startswith(start)}


def set_container(context: Context, given: Namespace) -> None:
    headers = {f"X-Container-Meta-{key}": value for key, value in pairs(given.property).items()}
    context.cloud.request("POST", url(context, given.name), headers=headers)


def delete_containers(context: Context, given: Namespace) -> None:
    def one(name: str) -> None:
        if given.recursive:
            for row in listing(context, name):
                _delete(context, name, row["name"])
        context.cloud.request("DELETE", url(context, name))

    each(context, given.name, one)


def list_objects(context: Context, given: Namespace) -> None:
    rows = listing(context, given.container, prefix=given.prefix or "")
    context.show_rows(
        ("Name", "Bytes", "Hash", "Content Type", "Last Modified") if given.long else ("Name",),
        [
            (one["name"], one["bytes"], one["hash"], one["content_type"], one["last_modified"])[
                : 5 if given.long else 1
            ]
            for one in rows
        ],
        given,
    )


def upload(context: Context, given: Namespace) -> None:
    made = []
    for text in given.file:
        file = Path(text)
        if not file.is_file():
            raise Usage(f"There is no file {file}.")
        name = given.name or text.lstrip("/")
        size = file.stat().st_size
        if size > SEGMENT:
            _upload_parts(context, given.container, name, file, size)
            etag = ""
        else:
            with file.open("rb") as opened, Progress(context, f"upload {file.name}", size) as progress:
                etag = context.cloud.request(
                    "PUT",
                    url(context, given.container, name),
                    data=progress.reading(opened),
                    headers={"Content-Length": str(size)},
                ).headers.get("Etag", "")
        made.append((name, given.container, etag.strip('"')))
    context.show_rows(("object", "container", "etag"), made, given)


def _upload_parts(context: Context, container: str, name: str, file: Path, size: int) -> None:
    """Upload a static large object. Parts that an earlier try has stored whole aren't sent again."""
    facts = file.stat()
    aside, stem = f"{container}_segments", f"{name}/{facts.st_mtime_ns}/{size}"
    context.cloud.request("PUT", url(context, aside))
    there = {one["name"]: one["bytes"] for one in listing(context, aside, prefix=f"{stem}/")}
    manifest = []
    with file.open("rb") as opened, Progress(context, f"upload {file.name}", size) as progress:
        for number, at in enumerate(range(0, size, SEGMENT)):
            part, length = f"{stem}/{number:08d}", min(SEGMENT, size - at)
            opened.seek(at)
            if there.get(part) == length:
                progress.advance(length)
            else:
                context.cloud.request(
                    "PUT",
                    url(context, aside, part),
                    data=_Part(progress.reading(opened), length),
                    headers={"Content-Length": str(length)},
                )
            manifest.append({"path": f"/{aside}/{part}", "size_bytes": length})
    context.cloud.request("PUT", f"{url(context, container, name)}?multipart-manifest=put", body=manifest)


class _Part:
    """Read a part of a file: so many bytes from its current position."""

    def __init__(self, file: Any, length: int) -> None:
        self._file, self._left = file, length

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(min(self._left, size if size >= 0 else 1 << 20))
        self._left -= len(data)
        return data


def save(context: Context, given: Namespace) -> None:
    place = url(context, given.container, given.object)
    headers = context.cloud.request("HEAD", place).headers
    size = headers.get("Content-Length")
    download(
        context, place, given.file or Path(given.object).name, int(size) if size else None, headers.get("Etag", "")
    )


def show(context: Context, given: Namespace) -> None:
    headers = context.cloud.request("HEAD", url(context, given.container, given.object)).headers
    context.show_thing(
        {
            "container": given.container,
            "object": given.object,
            "content-length": headers.get("Content-Length"),
            "content-type": headers.get("Content-Type"),
            "etag": headers.get("Etag"),
            "last-modified": headers.get("Last-Modified"),
            **_metadata(headers, "Object"),
        },
        given,
    )


def delete_objects(context: Context, given: Namespace) -> None:
    each(context, given.object, lambda name: _delete(context, given.container, name))


def _delete(context: Context, container: str, name: str) -> None:
    """Delete an object together with its parts, if it has any."""
    try:
        slo = context.cloud.request("HEAD", url(context, container, name)).headers.get("X-Static-Large-Object")
    except Refused as err:
        if err.status == 404:
            raise NotFound(f"There is no object {name!r} in {container}.") from None
        raise
    context.cloud.request("DELETE", url(context, container, name) + ("?multipart-manifest=delete" if slo else ""))


CONTAINER, OBJECT = arg("container"), arg("object")
COMMANDS = [
    Command(
        "container list",
        "List containers",
        (arg("--long", action="store_true"),),
        list_containers,
        ("pileus container list --long",),
        "object-store",
        "rows",
    ),
    Command(
        "container create",
        "Make containers",
        (arg("name", nargs="+"),),
        make_container,
        (
            "pileus container create example-box",
            "pileus object create example-box /etc/hostname --name example",
            "pileus object list example-box",
            "pileus object save example-box example --file example-object",
            "pileus object delete example-box example",
            "pileus container delete example-box",
        ),
        "object-store",
        "rows",
    ),
    Command("container show", "Show a container", (arg("name"),), show_container, (), "object-store", "thing"),
    Command(
        "container set",
        "Describe a container",
        (arg("name"), arg("--property", action="append", required=True)),
        set_container,
        (),
        "object-store",
    ),
    Command(
        "container delete",
        "Delete containers",
        (arg("name", nargs="+"), arg("--recursive -r", action="store_true")),
        delete_containers,
        (),
        "object-store",
    ),
    Command(
        "object list",
        "List a container",
        (CONTAINER, arg("--prefix"), arg("--long", action="store_true")),
        list_objects,
        (),
        "object-store",
        "rows",
    ),
    Command(
        "object create",
        "Upload files",
        (CONTAINER, arg("file", nargs="+"), arg("--name")),
        upload,
        (),
        "object-store",
        "rows",
    ),
    Command(
        "object save",
        "Download an object; goes on where it stopped",
        (CONTAINER, OBJECT, arg("--file")),
        save,
        (),
        "object-store",
    ),
    Command("object show", "Show an object", (CONTAINER, OBJECT), show, (), "object-store", "thing"),
    Command(
        "object delete", "Delete objects", (CONTAINER, arg("object", nargs="+")), delete_objects, (), "object-store"
    ),
]
