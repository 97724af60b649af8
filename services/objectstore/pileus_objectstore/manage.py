"""`python -m pileus_objectstore.manage --config FILE COMMAND`: creates and changes rings and devices.

Changes of rings reach the other hosts by themselves within seconds (`daemons/ring_exchange.py`).
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pileus_kit import config as configs
from pileus_kit.errors import CloudError, HostDown, NotFound
from pileus_kit.file_modes import become_owner_of
from pileus_objectstore.config import Config
from pileus_objectstore.core import ring_changes, ring_hosts
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.encryption import root_secrets
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.ring_changes import AddDevice, AddPolicy, Rebalance, RemoveDevice, SetOverload, SetWeight
from pileus_objectstore.core.version_names import versions_container
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.daemons.ring_exchange import RingExchange
from pileus_objectstore.daemons.sharder import Sharder
from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.removed_machines import REMOVED_FILE
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.ring.rings import KINDS, Rings
from pileus_objectstore.storage.disks import MARKER, Disk
from pileus_objectstore.wire.client import open_pool
from pileus_objectstore.wire.daemon_calls import DoneReply, EnterRings, PutRing
from pileus_objectstore.wire.shard_ranges import Shard, active, shown

POWER = 12  # suits about 40 to 400 disks
ALL_IN_ONE_DEVICES = 4
MAX_TOLD_AT_ONCE = 16


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    args = parser().parse_args(sys.argv[1:] if argv is None else argv)
    config = configs.load(Config, ["--config", args.config] if args.config else [])
    become_owner_of(config.home)
    try:
        args.act(config, RingFiles(config.ring_directory), args)
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
    _add_changes(commands)
    _add_hosts(commands)
    commands.add_parser(
        "rotate-root-secret", help="encrypt new objects under a new root secret; the old ones stay readable"
    ).set_defaults(act=rotate_root_secret)
    shards = commands.add_parser("shards", help="the ranges into which a container is divided, and divide it now")
    shards.add_argument("account")
    shards.add_argument("container")
    shards.add_argument("--versions", action="store_true", help="the container that keeps its objects' versions")
    shards.add_argument("--divide", type=int, metavar="ROWS", help="divide what has more rows than this")
    shards.set_defaults(act=show_shards)
    commands.add_parser("show", help="rings, their devices and what those hold").set_defaults(act=show)
    return top


def _add_changes(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands that change rings. `--ring` limits a change to some of them."""
    some = argparse.ArgumentParser(add_help=False)
    some.set_defaults(act=change_rings)
    some.add_argument("--ring", action="append", default=[], help="account, container, object, object-1, …")
    add = commands.add_parser("add", help="add a device; takes effect with rebalance", parents=[some])
    add.add_argument("name")
    add.add_argument("host", help="address and port of its storage server")
    for option, kind, default in (("--region", int, 1), ("--zone", int, 1), ("--weight", float, 100.0)):
        add.add_argument(option, type=kind, default=default)
    add.set_defaults(
        change=lambda a: AddDevice(
            name=a.name, host=a.host, region=a.region, zone=a.zone, weight=a.weight, rings=a.ring
        )
    )
    remove = commands.add_parser("remove", help="remove a device; takes effect with rebalance", parents=[some])
    remove.add_argument("device", help="its id, or host/name")
    remove.set_defaults(change=lambda a: RemoveDevice(device=a.device, rings=a.ring))
    weight = commands.add_parser("weight", help="change a device's share (0 empties it)", parents=[some])
    weight.add_argument("device", help="its id, or host/name")
    weight.add_argument("weight", type=float)
    weight.set_defaults(change=lambda a: SetWeight(device=a.device, weight=a.weight, rings=a.ring))
    overload = commands.add_parser(
        "overload", help="how much more than its share a device takes to bring replicas farther apart", parents=[some]
    )
    overload.add_argument("factor", type=float, help="0.1 is a tenth more")
    overload.set_defaults(change=lambda a: SetOverload(factor=a.factor, rings=a.ring))
    rebalance = commands.add_parser(
        "rebalance", help="assign replicas to devices, moving as few as possible", parents=[some]
    )
    rebalance.set_defaults(change=lambda a: Rebalance(rings=a.ring))
    policy = commands.add_parser("policy", help="add a storage policy", parents=[some])
    policy.add_argument("name")
    policy.add_argument("--replicas", type=int, default=3)
    policy.add_argument("--alias", action="append", default=[])
    policy.set_defaults(change=lambda a: AddPolicy(name=a.name, replicas=a.replicas, aliases=a.alias))


def _add_hosts(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands that a deployment uses for machines that come and go."""
    commands.add_parser("enter", help="let this host's devices take replicas, on the first of ring_hosts").set_defaults(
        act=enter_rings
    )
    for name, act, text in (
        ("drain", drain_host, "give a machine's devices no share any more"),
        ("resume", resume_host, "give a machine's devices their share again"),
        ("holds", show_held, "tell how many partitions a machine holds or should hold"),
        ("leave", leave_rings, "take a machine's devices out of all rings"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("host", help="address and port of its storage server")
        command.set_defaults(act=act)
    refuse = commands.add_parser("refuse", help="refuse certificates with these serial numbers, on all hosts at once")
    refuse.add_argument("serial", nargs="+")
    refuse.set_defaults(act=refuse_certificates)


def enter_rings(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Have the machine that keeps the rings add this host's devices, and take its rings. Raises HostDown."""
    names = sorted(path.parent.name for path in config.home.glob(f"*/{MARKER}"))
    if ring_hosts.are_known(files, config.storage_bind, names):
        return
    pool = open_pool(config)
    try:
        reply, _ = pool.call(config.ring_hosts[0], "enter_rings", EnterRings(config.storage_bind, names), DoneReply)
        if reply.status != 200:
            raise RingRefused(why=reply.why)
        RingExchange(Rings(config.ring_directory), files, pool, config.storage_bind, config.ring_hosts[:1]).run()
    finally:
        pool.close()
    print(reply.why)


def drain_host(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Give a machine's devices no share."""
    print("\n".join(ring_hosts.set_weight(files, args.host, 0.0)))


def resume_host(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Give a machine's devices their share again."""
    print("\n".join(ring_hosts.set_weight(files, args.host, ring_hosts.WEIGHT)))


def leave_rings(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Take a machine's devices out of all rings."""
    print("\n".join(ring_hosts.leave(files, args.host)))


def show_held(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Print a number: 0 if nothing would be lost with the machine. Raises HostDown."""
    pool = open_pool(config)
    try:
        print(ring_hosts.held_partitions(Rings(config.ring_directory), pool, args.host))
    finally:
        pool.close()


def refuse_certificates(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Refuse removed machines here and, where they can be reached, on all hosts that the rings name."""
    files.refuse([serial.upper() for serial in args.serial])
    hosts = {d.host for name in files.names() for d in files.load(name).devices if d}
    pool, data = open_pool(config), files.data(REMOVED_FILE)

    def tell(host: str) -> str:
        try:
            pool.call(host, "put_ring", PutRing(REMOVED_FILE), DoneReply, data)
        except HostDown as e:
            return f"{host} learns it from the others once it is back: {e}"
        return ""

    with ThreadPoolExecutor(MAX_TOLD_AT_ONCE) as threads:
        print("\n".join(filter(None, threads.map(tell, sorted(hosts)))))
    pool.close()


def rotate_root_secret(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Add a root secret and make it the active one. Proxies notice by themselves."""
    print(root_secrets.add(config.root_secrets))


def all_in_one(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Create four devices on this host, and rings of them."""
    for number in range(1, ALL_IN_ONE_DEVICES + 1):
        Disk.format(config.home / f"d{number}", f"d{number}")
    config.key()
    for name in KINDS:
        if files.path(name).exists():
            continue
        builder = Builder(POWER)
        for number in range(1, ALL_IN_ONE_DEVICES + 1):
            builder.add(f"d{number}", config.storage_bind, zone=number)
        builder.rebalance()
        files.create(name, builder)
    _follow_address(config, files)


def _follow_address(config: Config, files: RingFiles) -> None:
    """Have the rings name this machine as its configuration does now: when others join, it gets another address."""
    known = config.home / "storage-address"
    for former in {config.storage_local, known.read_text() if known.exists() else ""} - {"", config.storage_bind}:
        if config.storage_tls or former != config.storage_local:
            ring_hosts.rename(files, former, config.storage_bind)
    known.write_text(config.storage_bind)


def format_devices(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Make directories devices of this host."""
    for name in args.name:
        Disk.format(config.home / name, name)


def create_rings(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Create empty rings."""
    for name in KINDS:
        files.create(name, Builder(args.power, args.replicas))
    config.key()


def change_rings(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Make the change that the command line states."""
    for sentence in ring_changes.apply(files, args.change(args)):
        print(sentence)


def show_shards(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Show the ranges of a container, after dividing it if that is asked for."""
    target = Target(args.account, args.container)
    root = Shard((target.account, (versions_container(target) if args.versions else target).container), "")
    cluster = Cluster(Rings(config.ring_directory), open_pool(config))
    try:
        sharder = Sharder(DaemonContext(config.home, config.storage_bind, cluster.rings, cluster.pool), cluster, 0)
        if args.divide:
            sharder.divide(root, args.divide)
        info = sharder.head(root)
    finally:
        cluster.close()
    if info is None or not info.live:
        raise NotFound(why=f"There is no container {target}.")
    whole = shown(info)
    print(f"{target}: {whole.count} rows, {whole.size} bytes, {len(active(info.ranges))} shards")
    for found in info.ranges:
        state = "active" if found.active else "being filled"
        print(f"  {found.lower!r} to {found.upper!r}: {found.count} rows, {found.size} bytes, {state}, {found.shard}")


def show(config: Config, files: RingFiles, args: argparse.Namespace) -> None:
    """Show the rings."""
    for ring in ring_changes.show(files):
        print(
            f"{ring.name}: version {ring.version}, {ring.partitions} partitions, {ring.replicas} replicas, "
            f"balance {ring.balance}, dispersion {ring.dispersion}, overload {ring.overload:g}"
        )
        for device in ring.devices:
            print(
                f"  {device.id:3} {device.name:12} {device.host:24} region {device.region} zone {device.zone} "
                f"weight {device.weight:g} holds {device.holds}"
            )


if __name__ == "__main__":
    sys.exit(main())
