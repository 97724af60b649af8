"""`pileus ssh`: logs in to a server; address, user and key are found."""

import os
import shlex
from argparse import Namespace
from pathlib import Path

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import Trouble, Usage
from pileus_cli.finding import find
from pileus_cli.json_types import JsonObject
from pileus_cli.nouns.server_kind import SERVER

USERS = ("ubuntu", "debian", "fedora", "rocky", "almalinux", "centos", "cirros", "alpine", "arch", "opensuse")
ALL_IN_ONE_PAIR, ALL_IN_ONE_KEY = "demo", Path("/var/lib/pileus/demo-key")


def address_of(server: JsonObject) -> str:
    """Return a floating IP, else an address on a network that we can reach."""
    found = [one for addresses in server["addresses"].values() for one in addresses]
    for kind in ("floating", "fixed"):
        for one in found:
            if one.get("OS-EXT-IPS:type") == kind and one["version"] == 4:
                return str(one["addr"])
    raise Trouble(f"Server {server['name']} has no IPv4 address.", f"pileus why server {server['id']}")


def user_of(context: Context, server: JsonObject) -> str:
    """Return the user that the image names (os_admin_user), or that images of such a name have."""
    image = (server.get("image") or {}).get("id") if server.get("image") else None
    if not image:
        return "root"
    row = context.cloud.call("image", "GET", f"/images/{image}")
    if row.get("os_admin_user"):
        return str(row["os_admin_user"])
    text = f"{row.get('os_distro', '')} {row.get('name') or ''}".lower()
    return next((user for user in USERS if user in text), "root")


def place_of(name: str) -> Path:
    """Return the file where `launch` keeps the private half of a key pair."""
    return Path.home() / ".ssh" / f"pileus-{name}"


def key_of(name: str) -> Path | None:
    """Return the private half of a key pair: where `launch` keeps it, where users do, or the all-in-one's own."""
    places = [place_of(name), Path.home() / ".ssh" / name]
    if name == ALL_IN_ONE_PAIR:
        beside = os.environ.get(
            "OS_CLIENT_CONFIG_FILE"
        )  # an all-in-one cloud keeps clouds.yaml and key in one directory
        places += [*([Path(beside).with_name(ALL_IN_ONE_KEY.name)] if beside else []), ALL_IN_ONE_KEY]
    return next((file for file in places if file.is_file() and os.access(file, os.R_OK)), None)


def line(context: Context, server: JsonObject, user: str = "", key: str = "", address: str = "") -> list[str]:
    found = Path(key) if key else key_of(server["key_name"]) if server.get("key_name") else None
    return [
        "ssh",
        *(["-i", str(found)] if found else []),
        "-o",
        "StrictHostKeyChecking=accept-new",
        "-o",
        f"UserKnownHostsFile={Path.home() / '.ssh' / 'pileus_known_hosts'}",
        "-o",
        f"HostKeyAlias={server['id']}",  # addresses are reused, servers aren't
        f"{user or user_of(context, server)}@{address or address_of(server)}",
    ]


def ssh(context: Context, given: Namespace) -> int:
    server = find(context.cloud, SERVER, given.name)
    server = context.cloud.call("compute", "GET", f"/servers/{server['id']}")["server"]
    if server["status"] != "ACTIVE":
        raise Usage(f"Server {server['name']} is {server['status']}.", f"pileus server start {server['name']}")
    (Path.home() / ".ssh").mkdir(mode=0o700, exist_ok=True)
    command = [*line(context, server, given.user, given.identity), *given.after]
    if given.print:
        print(shlex.join(command))
        return 0
    os.execvp(command[0], command)  # noqa: S606 -- the terminal is ssh's from here on


COMMANDS = [
    Command(
        "ssh",
        "Log in to a server, or run a command there",
        (
            arg("name", "the server", kind="server", metavar="SERVER"),
            arg("--user -l", "as whom", default=""),
            arg("--identity -i", "private key", default="", metavar="FILE"),
            arg("--print", "only show the ssh line", action="store_true"),
        ),
        ssh,
        ("pileus ssh first --print", "pileus ssh first -- uptime", "pileus ssh first -l root -- uptime"),
        "compute",
        after="COMMAND…",
    )
]
