"""What a divided container costs beside an undivided one: `python sharding.py DIRECTORY [--rows N] [--shard-rows N]`.

One process holds a proxy and a storage server with one replica of each listing. Figures are milliseconds of CPU, of all
threads, so that other work on the machine changes them little; they mean something as ratios only.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.daemons.shard_moves import in_calls
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.wire.contract import ListingHost, ListingRow, MergeReply, MergeRows, ShardRange, timestamp
from pileus_objectstore.wire.shard_calls import DividedReply, PutRanges, ReportShard
from pileus_objectstore.wire.shard_ranges import Shard
from pileus_objectstore.worker import Worker

ACCOUNT = "AUTH_p1"
ROUNDS = 3
PAGES = 60
PUTS = 500
BATCH = 10_000


class OneReplica(ObjectStoreFixture):
    """A store that keeps each listing once."""

    def _create_ring(self, name: str, builder: Builder, devices: int) -> None:
        super()._create_ring(name, Builder(4, 1), devices)


def main() -> None:
    """Fill two containers, divide one of them, and print what each costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--shard-rows", type=int, default=250_000)
    args = parser.parse_args()
    store = OneReplica(args.directory)
    try:
        simulate(store)
        measure(store, args.rows, args.shard_rows)
    finally:
        store.close()


def names(count: int) -> Iterator[str]:
    """Names in 1,000 groups, as of a backup."""
    for n in range(count):
        yield f"{n * 7919 % 1000:03}/{n:09}"


def measure(store: OneReplica, count: int, shard_rows: int) -> None:
    """Pages, changes and the division itself."""
    for container in ("whole", "divided"):
        assert store.client.put(f"/v1/{ACCOUNT}/{container}").status_code == 201
        spent = cpu(lambda container=container: fill(store, container, list(names(count))))
        print(f"{container}: {count} rows listed, {1000 * spent / count:.4f} ms a row", flush=True)
    worker = Worker(store.configs[0])
    spent = cpu(lambda: worker.sharder.divide(Shard((ACCOUNT, "divided"), ""), shard_rows))
    info = worker.sharder.head(Shard((ACCOUNT, "divided"), ""))
    assert info is not None
    print(f"divided into {len(info.ranges)} shards: {1000 * spent / count:.4f} ms a row", flush=True)
    ordered = sorted(names(count))
    for place in (0.0, 0.5, 0.999):
        marker = ordered[int(place * (count - 1))]
        for label, query in (
            ("page of 100", ListingQuery(100, marker)),
            ("in reverse", ListingQuery(100, marker, reverse=True)),
            ("groups", ListingQuery(100, marker, delimiter="/")),
        ):
            compare(f"{label} at {place:.1%}", lambda c, query=query: page(store, c, query), PAGES)
    compare("all rows by 10,000", lambda c: everything(store, c), 1)
    compare("head", lambda c: page(store, c, ListingQuery()), PAGES)
    dice = random.Random(1)
    compare("a row", lambda c: tell(store, c, f"{dice.randrange(1000):03}/new{dice.random()}"), PUTS)
    worker.stop()


def simulate(store: OneReplica) -> None:
    """What lists of ranges cost: 10 million rows are 40 ranges of 250,000; a list may have some 4,000."""
    pool, rings = store.servers[0].pool, store.app.tools.cluster.rings
    for count in (4, 40, 400, 4000):
        container = f"list{count}"
        assert store.client.put(f"/v1/{ACCOUNT}/{container}").status_code == 201
        root = Shard((ACCOUNT, container), "")
        edges = ["", *(f"{n:06}/" + "x" * 24 for n in range(1, count)), ""]
        ranges = [
            ShardRange(low, high, f"{timestamp()}-{n}", True, 250_000, 250_000 << 12, timestamp())
            for n, (low, high) in enumerate(pairwise(edges))
        ]
        for host, replicas in host_replicas(rings.placement(*root.names)):
            body = msgspec.json.encode(ranges)
            put = PutRanges(replicas, timestamp(), "")
            reply = pool.call(host, "put_ranges", put, DividedReply, body)[0]
            assert reply.status == 200 or not replicas.devices, reply
            if replicas.devices:
                report = ReportShard(replicas, root.path, ranges[count // 2].shard, 1, 1, "")
                row = ListingRow(f"{count // 2:06}/y", timestamp())

                def sums(n: int, report: ReportShard = report, host: str = host) -> None:
                    changed = msgspec.structs.replace(report, count=n, stats_at=timestamp())
                    assert pool.call(host, "report_shard", changed, DividedReply)[0].devices

                def routed(n: int, host: str = host, replicas=replicas, row=row, root=root) -> None:  # type: ignore[no-untyped-def]
                    merge = MergeRows("container", replicas, root.path, [row])
                    assert pool.call(host, "merge_rows", merge, MergeReply)[0].ranges

                def head(n: int, root: Shard = root) -> None:
                    assert store.app.tools.cluster.listing("container", rings.placement(*root.names))[0]

                found = ", ".join(
                    f"{name} {each(act):.3f}" for name, act in (("head", head), ("route", routed), ("sums", sums))
                )
                print(f"{count} ranges ({len(body) >> 10} KiB), ms: {found}", flush=True)


def each(act: Callable[[int], None]) -> float:
    """Milliseconds of CPU of one call, the best of some rounds."""
    return min(1000 * cpu(lambda: [act(n) for n in range(100)]) / 100 for _ in range(ROUNDS))


def compare(what: str, act: Callable[[str], object], times: int) -> None:
    """Print what both containers cost, in turns, and their ratio."""
    best = {"whole": float("inf"), "divided": float("inf")}
    for _ in range(ROUNDS):
        for container in best:
            spent = cpu(lambda container=container: [act(container) for _ in range(times)])
            best[container] = min(best[container], 1000 * spent / times)
    whole, divided = best.values()
    print(f"{what}: whole {whole:.3f}, divided {divided:.3f} ms, ratio {divided / whole:.2f}", flush=True)


def cpu(act: Callable[[], object]) -> float:
    """Seconds of CPU."""
    began = time.process_time()
    act()
    return time.process_time() - began


def page(store: OneReplica, container: str, query: ListingQuery) -> bytes:
    """One page."""
    placement = store.app.tools.cluster.rings.placement(ACCOUNT, container)
    return store.app.tools.cluster.listing("container", placement, query)[1]


def everything(store: OneReplica, container: str) -> None:
    """All pages."""
    marker = ""
    while entries := msgspec.json.decode(page(store, container, ListingQuery(10_000, marker))):
        marker = entries[-1][0]


def fill(store: OneReplica, container: str, all_names: list[str]) -> None:
    """List rows without objects."""
    target, now = Target(ACCOUNT, container), timestamp()
    for start in range(0, len(all_names), BATCH):
        rows = [ListingRow(name, now, False, 4096, "e" * 32, "text/plain") for name in all_names[start : start + BATCH]]
        for part in in_calls(rows):
            update(store, target, part)
        page(store, container, ListingQuery(1))  # so that all rows are merged


def tell(store: OneReplica, container: str, name: str) -> None:
    """List one object as the storage server does that has stored it."""
    update(store, Target(ACCOUNT, container), [ListingRow(name, timestamp(), False, 1, "e" * 32, "text/plain")])


def update(store: OneReplica, target: Target, rows: list[ListingRow]) -> None:
    """Have the storage server update a listing."""
    placement = store.app.tools.cluster.rings.placement(*target.names)
    hosts = [ListingHost(host, replicas) for host, replicas in host_replicas(placement) if replicas.devices]
    store.servers[0].updater.update_listings("container", target.path, hosts, rows, ["d1"])


if __name__ == "__main__":
    main()
