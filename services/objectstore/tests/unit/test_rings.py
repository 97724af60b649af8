"""Rings: balance, dispersion, little movement, handoffs."""

import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring.builder import MIN_PART_HOURS, Builder, shares
from pileus_objectstore.ring.devices import Device, distance
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.ring.rings import Ring, Rings, read
from pileus_objectstore.ring.storage_policies import StoragePolicy

LATER = (MIN_PART_HOURS + 1) * 3600


def drawn(places: list[tuple[int, int, str, float]], power: int = 8) -> Builder:
    """A balanced builder with a device for each (region, zone, host, weight)."""
    builder = Builder(power)
    for number, (region, zone, host, weight) in enumerate(places):
        builder.add(f"d{number}", host, region, zone, weight)
    builder.rebalance(now=1_000_000)
    return builder


def partitions(builder: Builder) -> list[list[Device]]:
    return [[builder.devices[row[p]] for row in builder.table] for p in range(1 << builder.power)]  # type: ignore[misc]


def check(builder: Builder, tolerance: float = 1.5) -> None:
    live = [d for d in builder.devices if d and d.weight]
    wanted = shares(live, builder.replicas, 1 << builder.power)
    for device in live:
        assert abs(builder.held().get(device.id, 0) - wanted[device.id]) <= tolerance, (device, builder.held(), wanted)
    for devices in partitions(builder):
        assert len({device.id for device in devices}) == builder.replicas


def test_four_devices_of_one_machine() -> None:
    builder = drawn([(1, zone, "h", 100) for zone in range(4)])
    check(builder)
    assert all(len({d.zone for d in devices}) == 3 for devices in partitions(builder))


def test_shares_follow_weights() -> None:
    builder = drawn([(1, zone, f"h{zone}", 100 * (1 + zone % 2)) for zone in range(6)])
    check(builder)
    held = builder.held()
    assert held[1] == pytest.approx(2 * held[0], rel=0.05)


def test_a_giant_holds_no_partition_twice() -> None:
    builder = drawn([(1, 0, "h", 10_000), (1, 1, "i", 100), (1, 2, "j", 100), (1, 3, "k", 100)])
    check(builder, 3)
    assert builder.held()[0] == 256


def test_replicas_are_as_far_apart_as_can_be() -> None:
    zones = drawn([(1, z, f"h{z}", 100) for z in range(3) for _ in range(3)])
    assert all(len({d.zone for d in devices}) == 3 for devices in partitions(zones))
    hosts = drawn([(1, 1, f"h{h}", 100) for h in range(4) for _ in range(2)])
    assert all(len({d.host for d in devices}) == 3 for devices in partitions(hosts))
    regions = drawn([(r, z, f"h{r}{z}", 100) for r in (1, 2) for z in range(3)])
    assert all(len({d.region for d in devices}) == 2 for devices in partitions(regions))


def test_a_new_device_takes_its_share_and_no_more() -> None:
    builder = drawn([(1, zone, f"h{zone}", 100) for zone in range(4)])
    before = partitions(builder)
    builder.add("new", "h9", zone=9)
    moved = builder.rebalance(now=1_000_000 + LATER)
    share = 3 * 256 / 5
    assert share * 0.9 <= moved <= share * 1.1
    check(builder, 4)
    for old, new in zip(before, partitions(builder), strict=True):
        assert len({d.id for d in old} & {d.id for d in new}) >= 2
    assert builder.rebalance(now=1_000_000 + 2 * LATER) <= 8


def test_a_balanced_ring_does_not_change() -> None:
    builder = drawn([(1, zone, f"h{zone}", 100) for zone in range(5)])
    assert builder.rebalance(now=1_000_000 + LATER) == 0


def test_only_a_lost_devices_replicas_move() -> None:
    builder = drawn([(1, zone, f"h{zone}", 100) for zone in range(5)])
    lost = builder.held()[2]
    builder.remove(2)
    assert builder.rebalance(now=1_000_001) == lost
    check(builder, 4)


def test_replicas_that_moved_recently_stay() -> None:
    builder = drawn([(1, zone, f"h{zone}", 100) for zone in range(4)])
    builder.add("new", "h9", zone=9)
    assert builder.rebalance(now=1_000_100) == 0
    assert builder.rebalance(now=1_000_000 + LATER) > 0


def test_refusals() -> None:
    builder = Builder(4)
    builder.add("a", "h")
    for act in (builder.rebalance, lambda: builder.add("a", "h"), lambda: builder.remove(7), lambda: Builder(0)):
        with pytest.raises(RingRefused):
            act()


def test_a_ring_file(tmp_path: Path) -> None:
    builder = drawn([(1, zone, "h:1", 100) for zone in range(4)])
    for kind in ("account", "container", "object"):
        builder.save(tmp_path / f"{kind}.ring")
    again = Builder.load(tmp_path / "object.ring")
    assert again == builder
    rings = Rings(tmp_path)
    placement = rings.placement("a", "c", "o")
    assert placement == rings.placement("a", "c", "o")
    assert placement != rings.placement("a", "c", "p")
    [(host, own, extra)] = placement.hosts
    assert (host, len(own), len(extra)) == ("h:1", 3, 1)
    data = (tmp_path / "object.ring").read_bytes()
    (tmp_path / "bad.ring").write_bytes(data.replace(b'"power":8', b'"power":9'))
    with pytest.raises(ValueError, match="damaged"):
        read(tmp_path / "bad.ring")


@pytest.mark.parametrize("how", ["a ring", "another host's ring", "policies"])
def test_a_file_is_on_disk_before_it_replaces_the_old_one(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, builder = RingFiles(tmp_path / "rings"), Builder(2, 1)
    builder.add("d1", "127.0.0.1:1")
    builder.rebalance()
    files.create("object", builder)
    builder.version += 1
    data = msgspec.json.encode(builder.file())
    (tmp_path / "rings" / "object.new").write_bytes(b"left by a process that died")
    done: list[str] = []
    replace, fsync = Path.replace, os.fsync

    def synced(fd: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{fd}').readlink().name}")
        fsync(fd)

    def replaced(self: Path, target: Path) -> Path:
        done.append(f"replace {target.name}")
        return replace(self, target)

    with monkeypatch.context() as watched:
        watched.setattr(os, "fsync", synced)
        watched.setattr(Path, "replace", replaced)
        if how == "a ring":
            builder.save(files.path("object"))
        elif how == "policies":
            files.change_policies(lambda policies: policies.with_policy(StoragePolicy(1, "gold")))
        else:
            assert files.take("object.ring", data)
    name = "policies" if how == "policies" else "object"
    assert done == [f"sync {name}.new", f"replace {name}.{'json' if how == 'policies' else 'ring'}", "sync rings"]
    if how != "policies":
        assert files.data("object.ring") == data


def test_handoffs_come_from_afar_first(tmp_path: Path) -> None:
    builder = drawn([(1, z, f"h{z}{h}", 100) for z in range(4) for h in range(2)])
    builder.save(tmp_path / "object.ring")
    ring = Ring(read(tmp_path / "object.ring"))
    first = Counter()
    for partition in range(256):
        primaries, handoffs = ring.devices(partition), ring.handoffs(partition)
        assert len(handoffs) == 5
        assert handoffs[0].zone not in {d.zone for d in primaries}
        first[handoffs[0].id] += 1
    assert len(first) == 8


def test_distance() -> None:
    one = Device(1, "d1", "h1", 1, 1)
    others = [Device(1, "d1", "h1", 1, 1), Device(2, "d2", "h1", 1, 1), Device(3, "d1", "h2", 1, 1),
              Device(4, "d1", "h3", 1, 2), Device(5, "d1", "h4", 2, 1)]  # fmt: skip
    assert [distance(one, other) for other in others] == [0, 1, 2, 3, 4]
