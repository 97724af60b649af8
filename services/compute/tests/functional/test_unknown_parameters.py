"""From 2.75 on a parameter that isn't known is a mistake; before, it is passed over."""

import pytest

from pileus_compute.testing import ComputeFixture


@pytest.mark.parametrize("path", ["/flavors", "/flavors/detail", "/os-keypairs"])
def test_unknown_parameters(compute: ComputeFixture, path: str) -> None:
    for query, version, status in (("odd=1", "2.74", 200), ("odd=1", "2.75", 400), ("limit=1", "2.75", 200)):
        answer = compute.client.get(f"/v2.1{path}?{query}", version=version)
        assert answer.status_code == status, answer.text
