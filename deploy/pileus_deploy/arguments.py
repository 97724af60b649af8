"""The command line of `pileus cloud`, which deploy/up and its siblings call."""

import argparse
import ipaddress
import os
import re
from pathlib import Path

from pileus_deploy import secret_rotation
from pileus_deploy.plan import NOT_YET, OFFSETS, ROLES

DATABASE_HELP = (
    "an administrator's URL of PostgreSQL servers, like postgresql://admin@db1,db2/pileus, or sqlite; each service "
    "gets a database (pileus_compute, …) and a role of its own; @FILE reads the URL from a file, out of sight of `ps`"
)


def parser() -> argparse.ArgumentParser:
    """Return the parser: a command, and its own options."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--state",
        type=Path,
        default=Path(os.environ.get("PILEUS_STATE", "/var/lib/pileus")),
        help="directory of everything that this machine knows of the cloud (default %(default)s)",
    )
    common.add_argument("--yes", action="store_true", help="don't ask")
    top = argparse.ArgumentParser(prog="deploy", description="An OpenStack-compatible cloud on this machine.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", parents=[common])

    _add_up(add("up", "start the cloud, or complete one that was started halfway"))
    add("down", "stop guests, processes and networks; `up` continues")
    add("status", "show what runs, and how it is")
    add("reset", "stop the cloud and delete everything it knows")
    add("rotate", "replace passwords and keys while the cloud runs").add_argument(
        "what", nargs="?", choices=[*secret_rotation.KINDS, "all"], default="all", help="default %(default)s"
    )
    _add_database(add("database", "show where the services' databases are, move them, or delete the old ones"))
    _add_upgrade(add("upgrade", "bring the running cloud to the release that this checkout is, or back"))
    add("uninstall", "remove the cloud, its users and its unit")
    add("invite", "print a line with which one machine can join, valid once and for an hour").add_argument(
        "--roles",
        type=_roles,
        default=("compute",),
        help=f"of {', '.join(role for role in ROLES if role not in NOT_YET)}, separated by commas (default compute)",
    )
    join = add("join", "make this machine one of the cloud's, with a line that `invite` printed")
    join.add_argument("line")
    join.add_argument("--name", help="what the cloud calls this machine (default: its host name)")
    return top


def _add_up(up: argparse.ArgumentParser) -> None:
    up.add_argument("--no-demo", action="store_true", help="don't boot a first server")
    up.add_argument("--address", help="address on which the APIs listen (default 127.0.0.1)")
    up.add_argument(
        "--offset",
        type=_offset,
        metavar=f"0..{OFFSETS[-1]}",
        help="added to every port, for a second cloud beside the first",
    )
    up.add_argument("--database", metavar="URL|@FILE", type=_database, help=DATABASE_HELP)
    up.add_argument("--hypervisor", choices=["libvirt", "fake"], help="fake plays a host without guests")
    up.add_argument(
        "--network-driver", choices=["linux", "fake"], help="fake makes no networks (default: as the hypervisor)"
    )
    up.add_argument(
        "--volume-driver", choices=["file", "fake"], help="fake keeps no volumes (default: as the hypervisor)"
    )
    up.add_argument(
        "--volume-backends",
        metavar="NAME:DRIVER[:DIRECTORY],...",
        type=_backends,
        help="further backends of this machine for volumes, whose types ask for them with volume_backend_name=NAME; "
        "add new ones at the end",
    )
    up.add_argument(
        "--image-stores",
        metavar="NAME:DRIVER[:PLACE],...",
        type=_image_stores,
        help="several stores for images instead of one, beginning with the default one; file:file is the one that "
        "every cloud has at first; the driver is file (PLACE: a directory) or objectstore (PLACE: /ACCOUNT/CONTAINER)",
    )
    up.add_argument(
        "--image-output-format",
        choices=["raw", "qcow2", "vmdk", "none"],
        help="convert images that are imported (not those that are uploaded) to this format; none: don't, the default",
    )
    up.add_argument(
        "--tls", action="store_true", default=None, help="serve the APIs by TLS, and let other machines join"
    )
    up.add_argument(
        "--virtual-address",
        metavar="ADDRESS",
        type=_address,
        help="where the cloud is reached while any of its control machines lives; from the first `up` on, with --tls, "
        "--address and --database",
    )
    up.add_argument("--certificate", type=_file, help="PEM file for the APIs instead of the cloud's own authority's")
    up.add_argument("--key", type=_file, help="PEM file of that certificate's key")
    up.add_argument("--authorities", type=_file, help="PEM file that verifies that certificate (default: the system's)")


def _add_database(database: argparse.ArgumentParser) -> None:
    database.add_argument(
        "action",
        nargs="?",
        choices=["show", "move", "confirm"],
        default="show",
        help="show (default); move: copy them to the servers of a URL and use them there, while guests run on; "
        "confirm: delete the databases that the cloud was moved away from",
    )
    database.add_argument("url", nargs="?", type=_database, help=DATABASE_HELP)


UPGRADE_EXAMPLES = """examples:
  deploy/upgrade              from a clone of the newer release: look whether it can, save, expand, replace
  deploy/upgrade --undo       go back to the former release, with everything written meanwhile
  deploy/upgrade --confirm    stay: the saved databases go, and the next release can come

The former release's clone has to stay where it is until then."""


def _add_upgrade(upgrade: argparse.ArgumentParser) -> None:
    upgrade.epilog, upgrade.formatter_class = UPGRADE_EXAMPLES, argparse.RawDescriptionHelpFormatter
    ways = upgrade.add_mutually_exclusive_group()
    ways.add_argument("--undo", dest="action", action="store_const", const="undo", help="go back to the former release")
    ways.add_argument("--confirm", dest="action", action="store_const", const="confirm", help="give up the way back")
    upgrade.set_defaults(action="upgrade")


def _database(text: str) -> str:
    """Return the URL of PostgreSQL servers, or '' for SQLite."""
    from pileus_kit.database_urls import engine_url

    try:
        url = Path(text[1:]).read_text().strip() if text.startswith("@") else text
        if url == "sqlite":
            return ""
        if engine_url(url).get_backend_name() != "postgresql":
            raise ValueError("a cloud's databases are PostgreSQL's or SQLite's")
    except (OSError, ValueError) as err:
        raise argparse.ArgumentTypeError(str(err)) from None
    return url


def _offset(text: str) -> int:
    if not text.isdecimal() or int(text) not in OFFSETS:
        raise argparse.ArgumentTypeError(f"an offset is a number from 0 to {OFFSETS[-1]}")
    return int(text)


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as err:
        raise argparse.ArgumentTypeError(str(err)) from None


def _backends(text: str) -> str:
    """Return further backends for volumes; the volume agent checks the rest."""
    for entry in filter(None, text.split(",")):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*:(file|fake)(:/[^:]+)?", entry):
            raise argparse.ArgumentTypeError(f"{entry!r} isn't NAME:DRIVER or NAME:DRIVER:DIRECTORY")
    return text


def _image_stores(text: str) -> str:
    """Return stores for images; the image service checks the rest."""
    for entry in filter(None, text.split(",")):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*:(file(:/[^:]+)?|objectstore:/[^:/]+/[^:/]+)", entry):
            raise argparse.ArgumentTypeError(f"{entry!r} isn't NAME:DRIVER or NAME:DRIVER:PLACE")
    return text


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return str(Path(text).resolve())


def _roles(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(text.split(",")))
    unknown = [role for role in found if role not in ROLES or role in NOT_YET]
    if unknown:
        why = NOT_YET.get(unknown[0], f"roles are {', '.join(ROLES)}, separated by commas")
        raise argparse.ArgumentTypeError(f"no machine can join as {unknown[0]!r} yet: {why}")
    return found
