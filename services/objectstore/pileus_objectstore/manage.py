"""`python -m pileus_objectstore.manage --config FILE COMMAND`: creates and changes rings and devices."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pileus_kit import config as configs
from pileus_kit.errors import CloudError
from pileus_kit.file_modes import become_owner_of
from pileus_objectstore.config import Config
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.rings import KINDS
from pileus_objectstore.storage.disks import Disk

POWER = 12  # suits about 40 to 400 disks
ALL_IN_ONE_DEVICES = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    args = parser().parse_args(sys.argv[1:] if argv is None else argv)
    config = configs.load(Config, ["--config", args.config] if args.config else [])
    become_owner_of(config.home)
    try:
        args.act(config, args)
    except CloudError as e:
        print(e, file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="pileus-objectstore-manage", description=__doc__)
    top.add_argument("--config", default="")
    commands = top.add_subparsers(required=True)
    one = commands.add_parser(
        "all-in-one", help="create four devices below the state directory and their rings; does nothing if they exist"
    )
    one.set_defaults(act=all_in_one)
    migrate = commands.add_parser("migrate", help="the same as all-in-one: this service has no other schema")
    migrate.set_defaults(act=all_in_one)
    device = commands.add_parser("format", help="make directories devices of this host")
    device.add_argument("name", nargs="+")
    device.set_defaults(act=format_devices)
    create = commands.add_parser("create", help="create the rings of a new cluster")
    create.add_argument(
        "--power",
        type=int,
        default=POWER,
        help="2**power partitions, for ever: about 100 for each future disk",
    )
    create.add_argument("--replicas", type=int, default=3)
    create.set_defaults(act=create_rings)
    add = commands.add_parser("add", help="add a device; takes effect with rebalance")
    add.add_argument("name")
    add.add_argument("host", help="address and port of its storage server")
    for option, kind, default in (("--region", int, 1), ("--zone", int, 1), ("--weight", float, 100.0)):
        add.add_argument(option, type=kind, default=default)
    add.set_defaults(act=add_device)
    remove = commands.add_parser("remove", help="remove a device; takes effect with rebalance")
    remove.add_argument("id", type=int)
    remove.set_defaults(act=remove_device)
    weight = commands.add_parser("weight", help="change a device's share (0 empties it)")
    weight.add_argument("id", type=int)
    weight.add_argument("weight", type=float)
    weight.set_defaults(act=set_weight)
    commands.add_parser("rebalance", help="assign replicas to devices, moving as few as possible").set_defaults(
        act=rebalance
    )
    commands.add_parser("show", help="devices and what they hold").set_defaults(act=show)
    return top


def paths(config: Config) -> list[Path]:
    """The files of the three rings."""
    return [config.ring_directory / f"{kind}.ring" for kind in KINDS]


def builders(config: Config) -> list[tuple[Path, Builder]]:
    """The three rings, each with its file."""
    return [(path, Builder.load(path)) for path in paths(config)]


def all_in_one(config: Config, args: argparse.Namespace) -> None:
    """Create four devices on this host, and rings of them."""
    for number in range(1, ALL_IN_ONE_DEVICES + 1):
        Disk.format(config.home / f"d{number}", f"d{number}")
    config.key()
    for path in paths(config):
        if path.exists():
            continue
        builder = Builder(POWER)
        for number in range(1, ALL_IN_ONE_DEVICES + 1):
            builder.add(f"d{number}", config.storage_bind, zone=number)
        builder.rebalance()
        builder.save(path)


def format_devices(config: Config, args: argparse.Namespace) -> None:
    """Make directories devices of this host."""
    for name in args.name:
        Disk.format(config.home / name, name)


def create_rings(config: Config, args: argparse.Namespace) -> None:
    """Create empty rings."""
    for path in paths(config):
        if path.exists():
            raise SystemExit(f"{path} exists already; data would be lost if it were replaced")
        Builder(args.power, args.replicas).save(path)
    config.key()


def add_device(config: Config, args: argparse.Namespace) -> None:
    """Add a device to the rings."""
    for path, builder in builders(config):
        device = builder.add(args.name, args.host, args.region, args.zone, args.weight)
        builder.save(path)
        print(f"{path.stem}: device {device.id}")


def remove_device(config: Config, args: argparse.Namespace) -> None:
    """Remove a device from the rings."""
    for path, builder in builders(config):
        builder.remove(args.id)
        builder.save(path)


def set_weight(config: Config, args: argparse.Namespace) -> None:
    """Change a device's share."""
    for path, builder in builders(config):
        builder.set_weight(args.id, args.weight)
        builder.save(path)


def rebalance(config: Config, args: argparse.Namespace) -> None:
    """Assign replicas to devices."""
    for path, builder in builders(config):
        moved = builder.rebalance()
        builder.save(path)
        print(f"{path.stem}: {moved} replicas of {builder.replicas << builder.power} got a new device")


def show(config: Config, args: argparse.Namespace) -> None:
    """Show the devices of the rings."""
    for path, builder in builders(config):
        held = builder.held()
        print(f"{path.stem}: version {builder.version}, 2**{builder.power} partitions, {builder.replicas} replicas")
        for device in builder.devices:
            if device:
                print(
                    f"  {device.id:3} {device.name:12} {device.host:24} region {device.region} zone {device.zone} "
                    f"weight {device.weight:g} holds {held.get(device.id, 0)}"
                )


if __name__ == "__main__":
    sys.exit(main())
