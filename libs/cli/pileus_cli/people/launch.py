"""`pileus launch`: makes a server that one can log in to, chooses what isn't named, and says what it chose."""

import shlex
import socket
import time
from argparse import Namespace
from itertools import count
from pathlib import Path

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import Trouble
from pileus_cli.finding import find
from pileus_cli.json_types import JsonObject
from pileus_cli.nouns import keypairs, kind
from pileus_cli.nouns.server_actions import made_for
from pileus_cli.nouns.server_creation import try_out
from pileus_cli.nouns.server_kind import SERVER
from pileus_cli.people import ssh
from pileus_cli.waiting import Timeout, until_ready, wait

KEY = "pileus"
SSH_S = 300


def launch(context: Context, given: Namespace) -> int:
    cloud = context.cloud
    image, flavor, network = _chosen(context, given)
    key = given.key_name or _key(context)
    group = _group(context)
    _say(context, image, flavor, network, key)
    context.say(f"   security group: {group}")
    server = cloud.call(
        "compute",
        "POST",
        "/servers",
        {
            "server": {
                "name": given.name,
                "imageRef": image["id"],
                "flavorRef": flavor["id"],
                "key_name": key,
                "networks": [{"uuid": network["id"]}],
                "security_groups": [{"name": group}],
            }
        },
    )["server"]
    until_ready(context, SERVER, server["id"], given.name)
    address = "" if given.no_floating_ip else _floating_ip(context, server["id"], network)
    if address:
        context.say(f"   floating IP: {address}   (--no-floating-ip goes without)")
    server = cloud.call("compute", "GET", f"/servers/{server['id']}")["server"]
    line = shlex.join(ssh.line(context, server, address=address))
    if context.wait and address:
        context.timeout = min(context.timeout, SSH_S)
        try:
            wait(context, f"ssh to {address}", lambda: _greeted(address))
        except Timeout as err:  # the server exists, so how to reach it is worth knowing
            print(line)
            raise Timeout(
                f"{address} doesn't answer to ssh after {context.timeout:.0f} s.",
                f"pileus logs {given.name} shows what it does",
            ) from err
    print(line)
    return 0


def try_launch(context: Context, given: Namespace) -> int:
    """Say what would be chosen, and whether it fits together and into the quota. Nothing is made."""
    image, flavor, network = _chosen(context, given)
    _say(context, image, flavor, network, given.key_name or _known_key(context) or "a new key pair")
    try_out(context, given.name, {"flavorRef": flavor["id"], "imageRef": image["id"]})
    return 0


def _chosen(context: Context, given: Namespace) -> tuple[JsonObject, JsonObject, JsonObject]:
    """Return image, flavor and network: those that are named, else suitable ones."""
    cloud = context.cloud
    image = find(cloud, kind("image"), given.image) if given.image else _image(context)
    flavor = find(cloud, kind("flavor"), given.flavor) if given.flavor else _flavor(context, image)
    return image, flavor, find(cloud, kind("network"), given.network) if given.network else _network(context)


def _say(context: Context, image: JsonObject, flavor: JsonObject, network: JsonObject, key: str) -> None:
    for what, name, option in (
        ("image", image["name"], "--image"),
        ("flavor", flavor["name"], "--flavor"),
        ("network", network["name"], "--network"),
        ("key", key, "--key-name"),
    ):
        context.say(f"   {what}: {name}   ({option} chooses another)")


def _image(context: Context) -> JsonObject:
    """Return the newest active image; the project's own come before public ones."""
    query = {"status": "active", "sort": "created_at:desc"}
    found = [
        row
        for row in context.cloud.pages("image", "/images", "images", query)
        if row["disk_format"] not in ("aki", "ari") and row.get("image_type") not in ("snapshot", "backup")
    ]
    if not found:
        raise Trouble("There is no image to boot from.", "pileus image create NAME --file FILE")
    own = [row for row in found if row["owner"] == context.cloud.login()["project_id"]]
    return (own or found)[0]


def _flavor(context: Context, image: JsonObject) -> JsonObject:
    """Return the smallest flavor that the image fits into."""
    need = max(image["min_disk"], -(-(image.get("virtual_size") or 0) // (1 << 30)))
    fitting = [
        row
        for row in context.cloud.pages("compute", "/flavors/detail", "flavors")
        if row["ram"] >= image["min_ram"] and (row["disk"] >= need or row["disk"] == 0)
    ]
    if not fitting:
        raise Trouble(
            f"No flavor has the {need} GiB of disk and {image['min_ram']} MiB of memory for {image['name']}.",
            "pileus flavor list",
        )
    return min(fitting, key=lambda row: (row["ram"], row["vcpus"], row["disk"]))


def _network(context: Context) -> JsonObject:
    """Return a network of the project's own, else one that is shared."""
    project = context.cloud.login()["project_id"]
    found = [one for one in context.cloud.pages("network", "/networks", "networks") if one["subnets"]]
    own = [one for one in found if one["project_id"] == project and not one.get("router:external")]
    shared = [one for one in found if one.get("shared") and not one.get("router:external")]
    if len(own) > 1:
        context.say(f"   of {len(own)} networks the first is taken")
    if not own and not shared:
        raise Trouble(
            "Your project has no network.", "pileus network create NAME; pileus subnet create NAME --network …"
        )
    return (own or shared)[0]


def _key_names(context: Context) -> set[str]:
    return {str(row["keypair"]["name"]) for row in context.cloud.pages("compute", "/os-keypairs", "keypairs")}


def _known_key(context: Context) -> str | None:
    """Return the name of a key pair whose private half is on this machine."""
    return next((name for name in sorted(_key_names(context)) if ssh.key_of(name)), None)


def _key(context: Context) -> str:
    """Return a key pair whose private half is here; else make a new one and keep it in ~/.ssh."""
    known = _known_key(context)
    if known:
        return known
    rows = _key_names(context)
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    # a key pair of that name without its private half may be another machine's, so it stays
    name = next(
        one
        for one in (KEY, *(f"{KEY}-{number}" for number in count(2)))
        if one not in rows and not ssh.place_of(one).exists()
    )
    private, public = keypairs.generate(name)
    keypairs.add(context, name, public)
    keypairs.keep(ssh.place_of(name), private)
    context.say(f"   a new key pair: {ssh.place_of(name)}")
    return name


def _group(context: Context) -> str:
    """Return the project's default group, after opening it for ssh."""
    project = context.cloud.login()["project_id"]
    (group,) = context.cloud.call(
        "network", "GET", "/security-groups", query={"name": "default", "project_id": project}
    )["security_groups"]
    opened = any(
        rule["direction"] == "ingress"
        and rule["ethertype"] == "IPv4"
        and not rule["remote_group_id"]
        and rule["protocol"] in (None, "tcp")
        and (rule["port_range_min"] or 0) <= 22 <= (rule["port_range_max"] or 65535)
        for rule in group["security_group_rules"]
    )
    if not opened:
        context.cloud.call(
            "network",
            "POST",
            "/security-group-rules",
            {
                "security_group_rule": {
                    "security_group_id": group["id"],
                    "direction": "ingress",
                    "ethertype": "IPv4",
                    "protocol": "tcp",
                    "port_range_min": 22,
                    "port_range_max": 22,
                }
            },
        )
        context.say("   security group default now lets ssh in from everywhere")
    return "default"


def _floating_ip(context: Context, server_id: str, network: JsonObject) -> str:
    """Return a free floating IP of the project's, else a new one; "" where the network has no router."""
    (port,) = context.cloud.call(
        "network", "GET", "/ports", query={"device_id": server_id, "network_id": network["id"]}
    )["ports"][:1]
    external = next(iter(context.cloud.pages("network", "/networks", "networks", {"router:external": "true"})), None)
    if external is None:
        context.say("   no floating IP: the cloud has no external network")
        return ""
    free = [one for one in context.cloud.call("network", "GET", "/floatingips")["floatingips"] if not one["port_id"]]
    if free:
        context.cloud.call("network", "PUT", f"/floatingips/{free[0]['id']}", {"floatingip": {"port_id": port["id"]}})
        return str(free[0]["floating_ip_address"])
    made = context.cloud.call(
        "network",
        "POST",
        "/floatingips",
        {
            "floatingip": {
                "floating_network_id": external["id"],
                "port_id": port["id"],
                "description": made_for(server_id),
            }
        },
    )
    return str(made["floatingip"]["floating_ip_address"])


def _greeted(address: str) -> tuple[bool, str]:
    """Return whether an ssh server greets, and the words for that, with one connection for each look."""
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            if connection.recv(4) == b"SSH-":
                return True, "answers"
    except OSError:
        time.sleep(0.3)
    return False, "waiting for the server to boot"


COMMANDS = [
    Command(
        "launch",
        "Boot a server and wait until one can log in; what isn't named is chosen, and said",
        (
            arg("name"),
            arg("--image", kind="image"),
            arg("--flavor", kind="flavor"),
            arg("--network", kind="network"),
            arg("--key-name", kind="keypair"),
            arg("--no-floating-ip", action="store_true"),
        ),
        launch,
        (
            "pileus launch example-launch --dry-run",
            "pileus launch example-launch",
            "pileus ssh example-launch --print",
            "pileus server delete example-launch",
        ),
        "compute",
        dry=try_launch,
    )
]
