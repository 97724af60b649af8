"""What members may filter servers by, from which version on."""

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_members_filter_by_what_their_version_has(compute: ComputeFixture) -> None:
    compute.server(imageRef=IMAGE_ID)
    for query, since in (
        ("vm_state=stopped", "2.83"),
        ("power_state=4", "2.83"),
        ("user_id=nobody", "2.83"),
        ("key_name=none", "2.83"),
        ("availability_zone=none", "2.83"),
        ("ip6=fe80", "2.5"),
    ):
        before = f"2.{int(since[2:]) - 1}"
        for version, as_, count in (
            (before, compute.book.member, 1),
            (since, compute.book.member, 0),
            (before, compute.book.admin, 0),
        ):
            found = compute.client.get(f"/v2.1/servers?{query}", version=version, as_=as_)
            assert len(found.json["servers"]) == count, (query, version)
