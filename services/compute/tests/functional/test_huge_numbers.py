"""Numbers that no database and no int() takes are answered like other wrong ones, or count as very large."""

import pytest

from pileus_compute.testing import ComputeFixture

HUGE = ("9" * 30, "9" * 5000)
PATHS = (
    "/servers?limit={}",
    "/servers/detail?power_state={}",
    "/servers?progress={}",
    "/os-server-groups?offset={}",
    "/flavors?minRam={}",
    "/flavors/detail?minDisk={}",
    "/os-hypervisors/{}",
    "/os-aggregates/{}",
    "/os-volumes?limit={}",
    "/os-keypairs?limit={}",
)


@pytest.mark.parametrize("path", PATHS)
def test_no_number_is_too_large_to_be_answered(compute: ComputeFixture, path: str) -> None:
    for number in HUGE:
        for version in ("2.1", "latest"):
            answer = compute.client.get(f"/v2.1{path.format(number)}", version=version, as_=compute.book.admin)
            assert answer.status_code in (200, 400, 404), answer.text


def test_nor_for_a_deletion(compute: ComputeFixture) -> None:
    for number in HUGE:
        path = f"/v2.1/os-services/{number}"
        assert compute.client.delete(path, version="2.1", as_=compute.book.admin).status_code == 404
