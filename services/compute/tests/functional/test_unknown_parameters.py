"""From some version on a parameter that isn't known is a mistake; before, it is passed over."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
LISTS = [  # path, the last version that passes over, a parameter that stays good
    ("/flavors", (2, 74), "limit=1"),
    ("/flavors/detail", (2, 74), "limit=1"),
    ("/os-keypairs", (2, 74), "limit=1"),
    ("/servers", (2, 74), "limit=1"),
    ("/servers/detail", (2, 74), "locked=true&tags-any=a"),
    ("/os-server-groups", (2, 74), "offset=1"),
    ("/os-quota-sets/p1", (2, 74), "user_id=u"),
    ("/os-quota-sets/p1/detail", (2, 74), "user_id=u"),
    ("/limits", (2, 74), "tenant_id=p1"),
    ("/os-simple-tenant-usage", (2, 74), "detailed=1&limit=1"),
    ("/os-simple-tenant-usage/p1", (2, 74), "limit=1"),
    ("/os-services", (2, 74), "binary=nova-compute"),
    ("/os-hypervisors", (2, 52), "with_servers=true&limit=1"),
    ("/os-hypervisors/detail", (2, 52), "limit=1"),
    ("/os-migrations", (2, 58), "limit=1&status=finished"),
    ("/servers/SERVER/os-instance-actions", (2, 57), "limit=1"),
    ("/servers/SERVER/os-volume_attachments", (2, 74), "limit=1&offset=0"),
]


@pytest.mark.parametrize(("path", "last", "good"), LISTS)
def test_unknown_parameters(compute: ComputeFixture, path: str, last: tuple[int, int], good: str) -> None:
    server = compute.server(imageRef=IMAGE_ID, drain=False)["id"]
    place, after = f"/v2.1{path.replace('SERVER', server)}", f"2.{last[1] + 1}"
    for query, version, status in (("odd=1", f"2.{last[1]}", 200), ("odd=1", after, 400), (good, after, 200)):
        answer = compute.client.get(f"{place}?{query}", version=version, as_=compute.book.admin)
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize("key", ["_sa_instance_state", "info_cache", "metadata", "__class__"])
def test_nobody_searches_by_what_lies_behind(compute: ComputeFixture, key: str) -> None:
    for version in ("2.1", "2.75"):
        assert compute.client.get(f"/v2.1/servers?{key}=x", version=version).status_code == 400


def test_filters_of_other_names_filter(compute: ComputeFixture) -> None:
    wish: dict[str, Any] = {"name": "one", "description": "first", "OS-DCF:diskConfig": "AUTO"}
    one = compute.server(imageRef=IMAGE_ID, drain=False, **wish)
    compute.server(imageRef=IMAGE_ID, name="two", drain=False)

    def names(query: str, as_: Any = compute.book.admin) -> list[str]:
        return sorted(s["name"] for s in compute.client.get(f"/v2.1/servers?{query}", as_=as_).json["servers"])

    assert names("display_name=on") == ["one"] and names("display_description=fir") == ["one"]
    assert names(f"image_ref={IMAGE_ID}") == ["one", "two"] and names("auto_disk_config=True") == ["one"]
    compute.client.post(f"/v2.1/servers/{one['id']}/action", json={"lock": None})
    assert names("locked_by=owner") == ["one"] and names("kernel_id=none") == []
