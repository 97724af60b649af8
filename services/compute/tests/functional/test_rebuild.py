"""Rebuilt servers."""

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_a_rebuild_shows_what_its_version_knows(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for version, shown in (("2.53", set()), ("2.54", {"key_name"}), ("2.57", {"key_name", "user_data"})):
        view = compute.act(server, "rebuild", {"imageRef": IMAGE_ID}, version=version).json["server"]
        assert shown == view.keys() & {"key_name", "user_data", "OS-EXT-AZ:availability_zone"}, version
