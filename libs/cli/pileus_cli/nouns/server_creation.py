"""`pileus server create`: the body of a creation, and what is checked before it."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from pileus_cli.commands import arg
from pileus_cli.context import Context
from pileus_cli.crud import body_of, pairs
from pileus_cli.errors import Trouble, Usage
from pileus_cli.finding import find_id
from pileus_cli.json_types import JsonObject
from pileus_cli.nouns.server_kind import SERVER
from pileus_cli.waiting import until_ready

COUNT = (
    arg("--min", "at least so many", into="min_count", type=int),
    arg("--max", "at most so many", into="max_count", type=int),
)
MADE = (
    arg("name"),
    arg("--flavor", "what it is made of", into="flavorRef", kind="flavor", required=True),
    arg("--image", "its root disk is made from", into="imageRef", kind="image"),
    arg("--volume", "boot from this volume", kind="volume"),
    arg(
        "--network --nic",
        "a network, or port=ID, v4-fixed-ip=ADDRESS…; may be repeated",
        action="append",
        dest="network",
        metavar="NETWORK",
    ),
    arg("--port", "a port; may be repeated", action="append", kind="port"),
    arg("--key-name", "the key pair to log in with", into="key_name"),
    arg("--security-group", "may be repeated", action="append", metavar="GROUP"),
    arg("--user-data", "file of what the server runs first", metavar="FILE"),
    arg("--property", "KEY=VALUE", action="append", metavar="KEY=VALUE"),
    arg("--availability-zone", into="availability_zone"),
    arg("--description", into="description"),
    arg("--config-drive", "give it a config drive", into="config_drive", action="store_true"),
    arg("--password", into="adminPass"),
    arg("--hint", "KEY=VALUE, for the scheduler", action="append"),
    arg("--wait", "commands wait anyway", action="store_true"),
    *COUNT,
)


def create(context: Context, given: Namespace) -> None:
    body: JsonObject = {"server": wanted(context, given)}
    if given.hint:
        body["os:scheduler_hints"] = pairs(given.hint)
    made = context.cloud.call("compute", "POST", "/servers", body)["server"]
    row = (
        until_ready(context, SERVER, made["id"], given.name)
        if context.wait
        else SERVER.opened(context.cloud.call("compute", "GET", f"/servers/{made['id']}"))
    )
    context.show_thing(SERVER.facts(row), given)


def try_create(context: Context, given: Namespace) -> None:
    """Check what the cloud can tell beforehand: whether everything named exists, fits together, and is within quota."""
    try_out(context, given.name, wanted(context, given))


def try_out(context: Context, name: str, body: Mapping[str, Any]) -> None:
    cloud = context.cloud
    flavor = cloud.call("compute", "GET", f"/flavors/{body['flavorRef']}")["flavor"]
    if body.get("key_name"):
        cloud.call("compute", "GET", f"/os-keypairs/{body['key_name']}")
    lacks = []
    if body.get("imageRef"):
        image = cloud.call("image", "GET", f"/images/{body['imageRef']}")
        need = max(image["min_disk"], -(-(image.get("virtual_size") or image.get("size") or 0) // (1 << 30)))
        if image["status"] != "active":
            lacks.append(f"the image is {image['status']}")
        if flavor["ram"] < image["min_ram"]:
            lacks.append(f"the image needs {image['min_ram']} MiB of memory, the flavor has {flavor['ram']}: too small")
        if 0 < flavor["disk"] < need:
            lacks.append(f"the image needs {need} GiB of disk, the flavor's disk has {flavor['disk']}: too small")
    limits, count = cloud.call("compute", "GET", "/limits")["limits"]["absolute"], body.get("min_count", 1)
    for what, name, more in (
        ("Instances", "instances", 1),
        ("Cores", "vCPUs", flavor["vcpus"]),
        ("RAM", "MiB of memory", flavor["ram"]),
    ):
        most, used = limits[f"maxTotal{what}{'Size' if what == 'RAM' else ''}"], limits[f"total{what}Used"]
        if 0 <= most < used + more * count:
            lacks.append(f"the quota is {most} {name}, {used} are used, {more * count} more are wanted: exceeds")
    if lacks:
        from pileus_cli.hints import after

        raise Trouble(f"It would be refused: {'; '.join(lacks)}.", after(lacks[0]))
    print(
        f"Server {name} would be accepted: {flavor['vcpus']} vCPUs, {flavor['ram']} MiB, {flavor['disk']} GiB."
        " Whether a host has room shows when it is placed."
    )


def wanted(context: Context, given: Namespace) -> JsonObject:
    """Return the body of a creation."""
    from pileus_cli.nouns import kind

    body = body_of(context, MADE, given) | {"name": given.name}
    if given.volume:
        body["block_device_mapping_v2"] = [
            {
                "boot_index": 0,
                "uuid": find_id(context.cloud, kind("volume"), given.volume),
                "source_type": "volume",
                "destination_type": "volume",
            }
        ]
    if given.network in (["none"], ["auto"]) and not given.port:
        body["networks"] = given.network[0]
    else:
        networks = [_network(context, text) for text in given.network or ()]
        networks += [{"port": find_id(context.cloud, kind("port"), text)} for text in given.port or ()]
        body["networks"] = networks or _only_network(context)
    if given.security_group:
        body["security_groups"] = [{"name": name} for name in given.security_group]
    if given.user_data:
        import base64
        from pathlib import Path

        body["user_data"] = base64.b64encode(Path(given.user_data).read_bytes()).decode()
    if given.property:
        body["metadata"] = pairs(given.property)
    return body


def _network(context: Context, text: str) -> dict[str, str]:
    from pileus_cli.nouns import kind

    if "=" not in text:
        return {"uuid": find_id(context.cloud, kind("network"), text)}
    found: dict[str, str] = {}
    for key, value in pairs(text.split(",")).items():
        if key in ("net-id", "net-name"):
            found["uuid"] = find_id(context.cloud, kind("network"), value)
        elif key in ("port-id", "port"):
            found["port"] = find_id(context.cloud, kind("port"), value)
        elif key in ("v4-fixed-ip", "v6-fixed-ip"):
            found["fixed_ip"] = value
        else:
            raise Usage(f"--nic knows no {key!r}.", "net-id, port-id, v4-fixed-ip, v6-fixed-ip")
    return found


def _only_network(context: Context) -> Any:
    """Return the project's only network, as OpenStack's default is; with several the user has to choose."""
    if not context.cloud.offers("network"):
        return "auto"
    project = context.cloud.login()["project_id"]
    found = [
        one
        for one in context.cloud.pages("network", "/networks", "networks")
        if not one.get("router:external") and (one.get("project_id") == project or one.get("shared"))
    ]
    if len(found) > 1:
        raise Usage("You have several networks: choose one with --network.", ", ".join(one["name"] for one in found))
    return [{"uuid": found[0]["id"]}] if found else "auto"
