"""The object store's rings, their devices and its storage policies: for operators."""

import time
from argparse import Namespace

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import NotFound
from pileus_cli.json_types import JsonObject

PATH = "/operations/rings"
SERVICE = "object-store"
SOME = arg("--ring", "only this ring: account, container, object, object-1, …", action="append", default=[])
HOSTS, DISPERSION = "/operations/hosts", "/operations/dispersion"
POLICY = arg("--policy", "a storage policy; without it the default one", default="")
DEVICE = arg("device", "its id, or host/name")


def _all(context: Context) -> JsonObject:
    found: JsonObject = context.cloud.call(SERVICE, "GET", PATH)
    return found


def _change(context: Context, action: str, **values: object) -> None:
    for sentence in context.cloud.call(SERVICE, "POST", PATH, {"action": action, **values})["done"]:
        print(sentence)


def list_rings(context: Context, given: Namespace) -> None:
    columns = ("name", "version", "partitions", "replicas", "balance", "dispersion", "overload")
    rows = [tuple(ring[column] for column in columns) for ring in _all(context)["rings"]]
    context.show_rows(tuple(column.title() for column in columns), rows, given)


def show_ring(context: Context, given: Namespace) -> None:
    ring = next((one for one in _all(context)["rings"] if one["name"] == given.name), None)
    if ring is None:
        raise NotFound(f"There is no ring {given.name}.", "pileus ring list")
    columns = ("id", "name", "host", "region", "zone", "weight", "holds")
    rows = [tuple(device[column] for column in columns) for device in ring["devices"]]
    context.show_rows(("ID", "Name", "Host", "Region", "Zone", "Weight", "Holds"), rows, given)


def add(context: Context, given: Namespace) -> None:
    place = {"region": given.region, "zone": given.zone, "weight": given.weight}
    _change(context, "add", name=given.name, host=given.host, rings=given.ring, **place)


def remove(context: Context, given: Namespace) -> None:
    _change(context, "remove", device=given.device, rings=given.ring)


def weight(context: Context, given: Namespace) -> None:
    _change(context, "weight", device=given.device, weight=given.weight, rings=given.ring)


def overload(context: Context, given: Namespace) -> None:
    _change(context, "overload", factor=given.factor, rings=given.ring)


def rebalance(context: Context, given: Namespace) -> None:
    _change(context, "rebalance", rings=given.ring)


def list_policies(context: Context, given: Namespace) -> None:
    found = _all(context)["policies"]
    rows = [
        (
            policy["index"],
            policy["name"],
            ", ".join(policy.get("aliases", ())),
            policy["index"] == found.get("default", 0),
            policy.get("deprecated", False),
        )
        for policy in found.get("policies", [{"index": 0, "name": "Policy-0"}])
    ]
    context.show_rows(("Index", "Name", "Aliases", "Default", "Deprecated"), rows, given)


def create_policy(context: Context, given: Namespace) -> None:
    _change(
        context,
        "add_policy",
        name=given.name,
        replicas=given.replicas,
        aliases=given.alias,
        data=given.data,
        parity=given.parity,
    )


def set_policy(context: Context, given: Namespace) -> None:
    if given.deprecated is not None:
        _change(context, "deprecate_policy", name=given.name, deprecated=given.deprecated)
    if given.default:
        _change(context, "default_policy", name=given.name)


def list_hosts(context: Context, given: Namespace) -> None:
    rows = []
    for host, state in sorted(context.cloud.call(SERVICE, "GET", HOSTS)["hosts"].items()):
        if isinstance(state, str):
            rows.append((host, state, "", "", "", ""))
            continue
        disks = [one for one in state["diskusage"] if one["mounted"]]
        free = 100 * sum(one["avail"] for one in disks) / max(1, sum(one["size"] for one in disks))
        replicator = state["daemons"].get("replicator")
        rows.append(
            (
                host,
                "up" if not state["unmounted"] else f"not mounted: {', '.join(state['unmounted'])}",
                f"{free:.0f}",
                state["async_pending"],
                sum(state["quarantined"].values()),
                f"{time.time() - replicator['ended']:.0f}" if replicator else "",
            )
        )
    titles = ("Host", "State", "Free %", "Async pendings", "Quarantined", "Replicated s ago")
    context.show_rows(titles, rows, given)


def show_dispersion(context: Context, given: Namespace) -> None:
    found = context.cloud.call(SERVICE, "GET", DISPERSION, query={"policy": given.policy} if given.policy else None)
    columns = ("copies_expected", "copies_found", "pct_found")
    rows = [(kind, *(counts[column] for column in columns)) for kind, counts in found.items()]
    context.show_rows(("Kind", "Copies", "Found", "% found"), rows, given)


def populate_dispersion(context: Context, given: Namespace) -> None:
    query = {"coverage": given.coverage} | ({"policy": given.policy} if given.policy else {})
    for kind, number in context.cloud.call(SERVICE, "POST", DISPERSION, query=query).items():
        print(f"{kind}: {number} partitions covered")


COMMANDS = [
    Command(
        "storage host list",
        "List the object store's hosts and how they are",
        (),
        list_hosts,
        ("pileus storage host list",),
        SERVICE,
        "rows",
    ),
    Command(
        "dispersion show",
        "Count the copies of what `dispersion populate` has stored that are where they belong",
        (POLICY,),
        show_dispersion,
        ("pileus dispersion populate --coverage 0.1", "pileus dispersion show"),
        SERVICE,
        "rows",
    ),
    Command(
        "dispersion populate",
        "Store containers and objects that the dispersion report counts",
        (POLICY, arg("--coverage", "percentage of the partitions", type=float, default=1.0)),
        populate_dispersion,
        (),
        SERVICE,
    ),
    Command("ring list", "List the object store's rings", (), list_rings, ("pileus ring list",), SERVICE, "rows"),
    Command(
        "ring show",
        "List a ring's devices and how many replicas of partitions each holds",
        (arg("name"),),
        show_ring,
        ("pileus ring show object",),
        SERVICE,
        "rows",
    ),
    Command(
        "ring add",
        "Add a device; takes effect with `ring rebalance`",
        (
            arg("name", "its directory on the host"),
            arg("host", "address and port of its storage server"),
            arg("--region", type=int, default=1),
            arg("--zone", type=int, default=1),
            arg("--weight", "its share, in any unit: GiB for example", type=float, default=100.0),
            SOME,
        ),
        add,
        (),
        SERVICE,
    ),
    Command("ring remove", "Remove a device; takes effect with `ring rebalance`", (DEVICE, SOME), remove, (), SERVICE),
    Command(
        "ring weight",
        "Change a device's share, 0 empties it; takes effect with `ring rebalance`",
        (DEVICE, arg("weight", type=float), SOME),
        weight,
        (),
        SERVICE,
    ),
    Command(
        "ring overload",
        "Change how much more than its share a device takes to bring replicas farther apart",
        (arg("factor", "0.1 is a tenth more", type=float), SOME),
        overload,
        (),
        SERVICE,
    ),
    Command(
        "ring rebalance",
        "Assign replicas to devices, moving as few as possible",
        (SOME,),
        rebalance,
        ("pileus ring rebalance",),
        SERVICE,
    ),
    Command(
        "storage policy list",
        "List the object store's storage policies",
        (),
        list_policies,
        ("pileus storage policy list",),
        SERVICE,
        "rows",
    ),
    Command(
        "storage policy create",
        "Add a storage policy, whose ring has the devices of the first one",
        (
            arg("name"),
            arg("--replicas", type=int, default=3),
            arg("--data", "fragments that give an object back: an erasure code", type=int, default=0),
            arg("--parity", "fragments that may be lost", type=int, default=0),
            arg("--alias", action="append", default=[]),
        ),
        create_policy,
        (),
        SERVICE,
    ),
    Command(
        "storage policy set",
        "Make a storage policy the default, or give no new container one",
        (
            arg("name"),
            arg("--default", action="store_true"),
            arg("--deprecated", action="store_true", default=None),
            arg("--offered", dest="deprecated", action="store_false"),
        ),
        set_policy,
        (),
        SERVICE,
    ),
]
