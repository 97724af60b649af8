"""How many sockets, cores and threads a guest's processors are."""

import pytest

from pileus_compute.drivers.libvirt.virtual_hardware import Topology, topology


@pytest.mark.parametrize(
    ("vcpus", "properties", "expected"),
    [
        (1, {}, (1, 1, 1)),
        (4, {}, (4, 1, 1)),
        (4, {"sockets": "2"}, (2, 2, 1)),
        (4, {"sockets": "1"}, (1, 4, 1)),
        (4, {"cores": "2"}, (2, 2, 1)),
        (8, {"sockets": "2", "cores": "2", "threads": "2"}, (2, 2, 2)),
        (8, {"max_sockets": "2"}, (2, 4, 1)),
        (8, {"max_sockets": "1", "max_cores": "4"}, (1, 4, 2)),
        (4, {"sockets": "3"}, (4, 1, 1)),
        (3, {"max_sockets": "2", "max_cores": "2", "max_threads": "1"}, (3, 1, 1)),
    ],
)
def test_topology(vcpus: int, properties: dict[str, str], expected: Topology) -> None:
    assert topology({f"hw_cpu_{name}": value for name, value in properties.items()}, vcpus) == expected
