"""Filters, order and pages of the lists of servers."""

from typing import Any

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def test_filters(compute: ComputeFixture) -> None:
    one = compute.server(imageRef=IMAGE_ID, name="alpha-1", networks=[{"uuid": NETWORK_ID}], tags=["red", "blue"])
    compute.server(imageRef=IMAGE_ID, name="beta")
    compute.act(one["id"], "os-stop")

    def names(query: str, **kwargs: Any) -> list[str]:
        answer = compute.client.get(f"/v2.1/servers?{query}", version="2.83", **kwargs)
        assert answer.status_code == 200, answer.text
        return sorted(s["name"] for s in answer.json["servers"])

    assert names("name=alph") == ["alpha-1"] and names("name=^b") == ["beta"]
    assert names("status=SHUTOFF") == ["alpha-1"]
    assert names("tags=red,blue") == ["alpha-1"] and names("not-tags=red") == ["beta"]
    address = one["addresses"]["private"][0]["addr"]
    assert names(f"ip={address}") == ["alpha-1"]
    assert names("flavor=1") == ["alpha-1", "beta"] and names("vm_state=active") == ["beta"]
    assert names("changes-since=2000-01-01T00:00:00Z") == ["alpha-1", "beta"]
    assert names("all_tenants=1", as_=compute.book.admin) == ["alpha-1", "beta"]
    assert names("", as_=compute.book.other) == []
    assert compute.client.get("/v2.1/servers?all_tenants=1").status_code == 403
    for bad in ("limit=-1", "marker=nope", "changes-since=yesterday", "sort_key=secret", "name=(a"):
        assert compute.client.get(f"/v2.1/servers?{bad}").status_code == 400, bad


def test_each_filter_of_administrators(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID, config_drive=True, tags=["red"])["id"]
    compute.act(server, "lock")
    for query, found in (
        ("locked=true", True),
        ("locked=false", False),
        ("config_drive=yes", True),
        ("config_drive=no", False),
        ("kernel_id=none", False),
        ("auto_disk_config=true", False),
        ("auto_disk_config=false", True),
        ("task_state=powering-off", False),
        ("progress=0", True),
        ("launch_index=1", False),
        ("tags-any=red,blue", True),
        ("not-tags-any=red", False),
        ("not-tags=red,blue", True),
        ("changes-before=2001-01-01T00:00:00Z", False),
        ("image=http://x/images/" + IMAGE_ID, True),
        ("host=host1", True),
        ("ip6=fe80", False),
    ):
        answer = compute.client.get(f"/v2.1/servers?{query}", version="2.90", as_=compute.book.admin)
        assert [s["id"] for s in answer.json["servers"]] == ([server] if found else []), query
    for bad in ("progress=x", "status=NONSENSE", "all_tenants=maybe", "sort_dir=up", "_sa_class=1"):
        answer = compute.client.get(f"/v2.1/servers?{bad}", version="2.74", as_=compute.book.admin)
        assert answer.status_code == 400, bad
