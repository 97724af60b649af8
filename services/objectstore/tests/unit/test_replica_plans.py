"""Which hosts are asked for which replicas."""

from pileus_objectstore.core.replica_plans import assign_listing_hosts, read_plan, write_plan
from pileus_objectstore.ring.rings import Placement

PLACE = Placement(7, "f" * 32, (("h1", ("a", "b"), ("x",)), ("h2", ("c",), ()), ("h3", (), ("y", "z"))))


def test_plans() -> None:
    assert [(host, replicas.devices) for host, replicas in write_plan(PLACE, ())] == [
        ("h1", ("a", "b")),
        ("h2", ("c",)),
    ]
    assert [(host, replicas.devices) for host, replicas in write_plan(PLACE, {"h2"})] == [("h1", ("a", "b", "x"))]
    assert [(host, replicas.devices) for host, replicas in write_plan(PLACE, {"h1"})] == [
        ("h2", ("c",)),
        ("h3", ("y", "z")),
    ]
    assert [host for host, _ in read_plan(PLACE, {"h1"})] == ["h2", "h3", "h1"]
    hosts = assign_listing_hosts(PLACE, ["h2", "h9"])
    assert sorted(up.host for ups in hosts.values() for up in ups) == ["h1", "h2"]
    assert [up.host for up in hosts["h2"]][-1] == "h2"
