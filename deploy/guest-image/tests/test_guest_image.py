"""The test image does in QEMU what README.md promises of it."""

import json
import subprocess
from pathlib import Path

import pytest
from guest import Guest, until

HERE = Path(__file__).parents[1]
UUID = "5f7c1e9e-5a0e-4f0d-b1a0-6a1d5c8f6f10"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("image") / "guest.qcow2"
    subprocess.run([HERE / "build", out], check=True)
    before = out.stat().st_mtime_ns
    subprocess.run([HERE / "build", out], check=True)
    assert out.stat().st_mtime_ns == before, "built twice"
    assert out.stat().st_size < 40 << 20
    return out


def meta(work: Path, **more: object) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", work / "key"], check=True)
    public = (work / "key.pub").read_text()
    confusing = {"hostname": "not-me", "uuid": "nor-me", 'quote"and\\slash': "}"}
    return json.dumps(
        {"meta": confusing, "uuid": UUID, "hostname": "one.example", "public_keys": {"mine": public}, **more}
    )


HOST_KEYS = (  # what clients like best first: OpenSSH, Go, old Java; and only what they share with the guest counts
    "ssh-ed25519",
    "ecdsa-sha2-nistp256,rsa-sha2-256,ssh-ed25519",
    "rsa-sha2-256,ssh-ed25519",
    "rsa-sha2-512,rsa-sha2-256",
    "+ssh-rsa",
)
USER_DATA = "#!/bin/sh\necho once >> /root/user-data-ran\n"


def test_metadata_service_disks_cards_and_power_button(image: Path, tmp_path: Path) -> None:
    tree = {"/openstack/latest/meta_data.json": meta(tmp_path), "/openstack/latest/user_data": USER_DATA}
    with Guest(image, tmp_path, tree) as guest:
        assert guest.ssh("cat /root/user-data-ran; hostname") == "once\none\n"
        guest.wait_console("=== testimg: boot finished host=one")
        for algorithms in HOST_KEYS:
            assert guest.ssh("echo in", options=("-o", f"HostKeyAlgorithms={algorithms}")) == "in\n", algorithms
        assert "datasource: metadata uuid=" + UUID in guest.console()
        url = "http://169.254.169.254/openstack/latest/user_data"
        assert guest.ssh(f"curl -s {url}; sudo id -u", user="cirros") == USER_DATA + "0\n"
        until("a grown root", lambda: int(guest.ssh("df -m / | awk 'END { print $2 }'")) > 800)
        disk = tmp_path / "volume.raw"
        disk.touch()
        disk.open("r+b").truncate(64 << 20)
        guest.qmp(
            {"execute": "blockdev-add", "arguments": {"driver": "file", "node-name": "v", "filename": str(disk)}},
            {"execute": "device_add", "arguments": {"driver": "virtio-blk-pci", "drive": "v", "id": "vd"}},
            {"execute": "netdev_add", "arguments": {"type": "user", "id": "n1", "net": "10.9.0.0/24"}},
            {"execute": "device_add", "arguments": {"driver": "virtio-net-pci", "netdev": "n1", "id": "nic1"}},
        )
        until("the disk", lambda: "vdb" in guest.ssh("lsblk -lb --nodeps; cat /proc/partitions"))
        guest.ssh("mkfs -t vfat /dev/vdb && mount /dev/vdb /mnt && umount /mnt")
        guest.ssh("ping -c1 -w2 127.0.0.1", user="cirros")
        guest.ssh("ping6 -c1 -w2 ::1", user="cirros")
        guest.ssh("mkfs -t ext4 /dev/vdb && mount /dev/vdb /mnt && echo hello > /mnt/file && umount /mnt")
        guest.ssh("mount /dev/vdb /mnt && grep hello /mnt/file && umount /mnt")
        until("an address", lambda: "10.9.0.15/24" in guest.ssh("ip -4 addr show dev eth1"))
        assert "eth0" in guest.ssh("ip route get 8.8.8.8"), "the first card keeps the default route"
        guest.qmp({"execute": "device_del", "arguments": {"id": "nic1"}})
        until("the card gone", lambda: "eth1" not in guest.ssh("ls /sys/class/net /run/udhcpc.*.pid"))
        guest.qmp({"execute": "system_powerdown"})
        assert guest.process.wait(120) == 0


def test_config_drive_and_console_login(image: Path, tmp_path: Path) -> None:
    tree = tmp_path / "drive" / "openstack" / "latest"
    tree.mkdir(parents=True)
    (tree / "meta_data.json").write_text(meta(tmp_path, admin_pass='se"c\\ret'))
    (tree / "user_data").write_text(USER_DATA)
    drive = tmp_path / "drive.iso"
    make = ["genisoimage", "-quiet", "-V", "config-2", "-J", "-r", "-o", drive, tmp_path / "drive"]
    subprocess.run(make, check=True)
    with Guest(image, tmp_path, drive=drive) as guest:
        guest.wait_console("datasource: configdrive uuid=" + UUID)
        assert guest.ssh("cat /root/user-data-ran") == "once\n"
        assert guest.ssh("blkid -L config-2 -o device", user="cirros").startswith("/dev/")
        guest.type(("login: ", "cirros"), ("assword: ", 'se"c\\ret'), ("$ ", "echo console-is-$(echo mine)"))
        guest.ssh("reboot")
        until("a second boot", lambda: guest.console().count("boot finished") == 2)
        assert guest.ssh("cat /root/user-data-ran") == "once\n", "user data runs once per instance"


def test_without_metadata_the_known_password_opens_the_console(image: Path, tmp_path: Path) -> None:
    with Guest(image, tmp_path) as guest:
        guest.wait_console("testimg login: ")
        guest.type(("login: ", "cirros"), ("assword: ", "gocubsgo"), ("$ ", "echo console-is-$(echo mine)"))
