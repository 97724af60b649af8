"""Extra specs against what a storage host can do."""

import pytest

from pileus_volume.core.capabilities import find_unmet
from pileus_volume.db.models import StorageHost

HOST = StorageHost(name="h", pool="h@b#b", backend_name="b", availability_zone="z1", total_gib=100.0, free_gib=50.0)


@pytest.mark.parametrize(
    "specs",
    [
        {},
        {"volume_backend_name": "b"},
        {"capabilities:storage_protocol": "file"},
        {"multiattach": "<is> True"},
        {"hw:anything": "x"},
        {"free_capacity_gb": ">= 10"},
        {"RESKEY:availability_zones": "z0, z1"},
        {"vendor_name": "<in> Open"},
        {"vendor_name": "s!= Nobody"},
        {"total_capacity_gb": "== 100"},
    ],
)
def test_met(specs):
    assert find_unmet(HOST, specs) is None


@pytest.mark.parametrize(
    "specs",
    [
        {"volume_backend_name": "c"},
        {"storage_protocol": "GlusterFS"},
        {"unknown": "x"},
        {"multiattach": "<is> False"},
        {"RESKEY:availability_zones": "z0"},
        {"free_capacity_gb": ">= 1000"},
        {"free_capacity_gb": ">= much"},
        {"capabilities:unknown": "x"},
    ],
)
def test_not_met(specs):
    assert find_unmet(HOST, specs)
