from pileus_compute.core import device_names

PLAIN = {"ephemeral_gib": 0, "swap_mib": 0}


def test_names_follow_the_server_s_own_disks() -> None:
    assert device_names.choose(PLAIN, []) == "/dev/vdb"
    assert device_names.choose({"ephemeral_gib": 1, "swap_mib": 64}, []) == "/dev/vdd"
    assert device_names.choose(PLAIN, ["/dev/vdb", None, "/dev/vdd"]) == "/dev/vdc"
    assert device_names.choose(PLAIN, [f"/dev/vd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz"]) == "/dev/vdaa"


def test_a_wish_is_granted_that_a_guest_can_have() -> None:
    assert device_names.choose(PLAIN, [], "/dev/vdx") == device_names.choose(PLAIN, [], "vdx") == "/dev/vdx"
    assert device_names.choose(PLAIN, ["/dev/vdx"], "vdx") == "/dev/vdb"
    assert device_names.choose({"ephemeral_gib": 0, "swap_mib": 64}, [], "vdb") == "/dev/vdc"
    for wish in ("/dev/sdb", "vd", "vd/../x", "/dev/vd\n", "vdÄ"):
        assert device_names.choose(PLAIN, [], wish) == "/dev/vdb"


def test_each_volume_of_a_new_server_has_its_own() -> None:
    wishes = [(None, False), ("vdb", False), ("/dev/sdz", True), ("vdb", False)]
    assert device_names.assign(PLAIN, wishes) == ["/dev/vdd", "/dev/vdb", "/dev/vda", "/dev/vdc"]
