"""The XML of guests: valid for libvirt, started by QEMU, and without markup from users."""

import json
import re
import subprocess
import uuid
from dataclasses import replace

import libvirt
import pytest
from defusedxml.ElementTree import fromstring

from pileus_compute.drivers.libvirt import domain_xml
from pileus_compute.drivers.qemu.disks import GuestFiles
from pileus_compute.errors import GuestUnsupported, HypervisorFailed
from pileus_compute.rpc import Guest, Image, LocalDisk, Power, Volume

IMAGE = Image("i", "http://x", "t", "qcow2")
GUEST = Guest(str(uuid.uuid4()), "instance-1", 2, 256, root_gib=1, image=IMAGE)


def volume(id="v1", **fields):
    return Volume(id, {"driver_volume_type": "file", "data": {"path": f"/volumes/{id}", "format": "raw"}}, **fields)


def nbd(**data):
    where = {"host": "10.0.0.1", "port": 10809, "export": "e"} | data
    return Volume("n1", {"driver_volume_type": "nbd", "data": where})


def built(tmp_path, **changes):
    return domain_xml.build(replace(GUEST, **changes), GuestFiles(tmp_path), "pl-instance-1", "qemu")


def test_a_guest_has_no_vnc_unless_configured(tmp_path):
    """VNC has no password: where no proxy needs it, QEMU doesn't listen."""
    assert built(tmp_path).xml.find("devices/graphics") is None
    with_vnc = domain_xml.build(GUEST, GuestFiles(tmp_path), "pl-instance-1", "qemu", vnc=True).xml.find(
        "devices/graphics"
    )
    assert with_vnc.get("listen") == "127.0.0.1"


def disks(domain):
    """(device, file or export, boot order) of each disk."""
    found = []
    for disk in domain.xml.iterfind("devices/disk"):
        source, order = disk.find("source"), disk.find("boot")
        found.append(
            (
                disk.find("target").get("dev"),
                source.get("file", source.get("name")).rsplit("/", 1)[-1],
                None if order is None else order.get("order"),
            )
        )
    return found


def test_root_ephemeral_swap_and_volumes_in_this_order(tmp_path):
    domain = built(
        tmp_path,
        ephemeral=(LocalDisk(10), LocalDisk(10)),
        swap_mib=10,
        volumes=(volume("auto"), volume("named", device="/dev/vde")),
        config_drive={},
    )
    assert disks(domain) == [
        ("vda", "root.qcow2", "1"),
        ("vdb", "ephemeral0.raw", None),
        ("vdc", "ephemeral1.raw", None),
        ("vdd", "swap.raw", None),
        ("vde", "named", None),
        ("vdf", "auto", None),
        ("hda", "config-drive.iso", None),
    ]
    assert domain.devices == {"named": "/dev/vde", "auto": "/dev/vdf"}


def test_the_format_of_every_layer_of_a_disk_is_named(tmp_path):
    """Where no format is named, libvirt believes the file's header, which a guest's QEMU can write."""
    files = GuestFiles(tmp_path, tmp_path / "image-cache")
    files.bases.mkdir()
    for name in ("base.qcow2", "base.raw"):
        subprocess.run(["qemu-img", "create", "-q", "-f", name[5:], files.bases / name, "1M"], check=True)
    for name in ("base.qcow2", "base.raw"):
        files.root.unlink(missing_ok=True)
        below = ["-b", files.bases / name, "-F", name[5:]]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *below, files.root], check=True)
        guest = replace(GUEST, ephemeral=(LocalDisk(10),), swap_mib=10, config_drive={}, volumes=(volume("v"), nbd()))
        found = domain_xml.build(guest, files, "pl-instance-1", "qemu").xml.findall("devices/disk")
        for disk in found:
            assert disk.find("driver").get("type") in ("raw", "qcow2")
            assert disk.get("type") == "network" or not list(disk.findall(".//backingStore")[-1]), "nothing is below it"
        layer = found[0].find("backingStore")
        assert (layer.find("format").get("type"), layer.find("source").get("file")) == (
            name[5:],
            str(files.bases / name),
        )


def test_boot_from_a_volume(tmp_path):
    domain = built(tmp_path, image=None, volumes=(volume("data"), volume("root", boot_index=0)))
    assert disks(domain) == [("vda", "root", "1"), ("vdb", "data", None)]
    assert domain.root_device == "/dev/vda"


def test_a_rescued_guest_boots_the_other_system(tmp_path):
    domain = built(tmp_path, rescue=IMAGE)
    assert [(d, f) for d, f, _ in disks(domain)] == [("vda", "rescue.qcow2"), ("vdb", "root.qcow2")]
    orders = [int(order) for _, _, order in disks(domain)]
    assert orders == sorted(orders)


def test_a_taken_or_foreign_device_name_is_not_given_twice(tmp_path):
    domain = built(
        tmp_path,
        volumes=(volume("a", device="/dev/vda"), volume("b", device="/dev/sdb"), volume("c", device="/dev/vd../x")),
    )
    assert sorted(domain.devices.values()) == ["/dev/vdb", "/dev/vdc", "/dev/vdd"]


def test_nbd_volumes_and_unknown_ones(tmp_path):
    source = built(tmp_path, volumes=(nbd(tls=True),)).xml.find("devices/disk[2]/source")
    assert dict(source.attrib) == {"protocol": "nbd", "name": "e", "tls": "yes"}
    assert dict(source.find("host").attrib) == {"name": "10.0.0.1", "port": "10809"}
    with pytest.raises(GuestUnsupported):
        built(tmp_path, volumes=(Volume("x", {"driver_volume_type": "iscsi", "data": {}}),))


def test_a_read_only_attachment(tmp_path):
    assert built(tmp_path, volumes=(nbd(access_mode="ro"),)).xml.find("devices/disk[2]/readonly") is not None


def test_strings_of_users_are_never_markup(tmp_path):
    evil = '"/><disk type="file"><source file="/etc/shadow"/></disk><x y="'
    domain = built(
        tmp_path,
        name=evil,
        project_id=evil,
        hostname=evil,
        kernel=IMAGE,
        cmdline=evil,
        properties={"hw_disk_bus": evil, "hw_machine_type": evil, "hw_vif_model": evil, evil: evil},
    )
    parsed = fromstring(domain.text)
    assert [d.find("source").get("file") for d in parsed.iterfind("devices/disk")] == [str(tmp_path / "root.qcow2")]
    assert parsed.findtext("os/cmdline") == evil


HARDWARE = {
    "plain": {},
    "q35": {"hw_machine_type": "pc-q35-7.2"},
    "scsi": {"hw_disk_bus": "scsi", "hw_cdrom_bus": "scsi"},
    "ide": {"hw_disk_bus": "ide", "hw_vif_model": "e1000", "hw_video_model": "cirrus"},
    "sata": {"hw_disk_bus": "sata", "hw_machine_type": "q35"},
    "usb": {"hw_disk_bus": "usb", "hw_video_model": "none"},
    "uefi": {"hw_firmware_type": "uefi"},
    "uefi on q35": {"hw_firmware_type": "uefi", "hw_machine_type": "q35"},
    "helpers": {"hw_watchdog_action": "reset", "hw_serial_port_count": "3", "hw_pointer_model": "usbtablet"},
    "lsilogic": {"hw_disk_bus": "scsi", "hw_scsi_model": "lsilogic", "hw_input_bus": "virtio"},
    "agent": {"hw_qemu_guest_agent": "yes", "hw_boot_menu": "true", "hw_vif_model": "rtl8139"},
}


@pytest.mark.parametrize("hardware", HARDWARE.values(), ids=HARDWARE)
def test_qemu_starts_it(hardware, libvirtd, image_server, test_image, taps):
    from pileus_compute.drivers.libvirt.hypervisor import Libvirt

    driver = Libvirt(libvirtd.uri, libvirtd.state / "host", "h", "plt", vnc=True)
    image = image_server.put("testimg", test_image.read_bytes(), "qcow2")
    disk = libvirtd.state / "hardware.raw"
    disk.write_bytes(bytes(1 << 20))
    attached = Volume(
        "v1",
        {"driver_volume_type": "file", "data": {"path": str(disk), "format": "raw"}},
        bus=hardware.get("hw_disk_bus", "virtio").replace("ide", "virtio"),
    )  # a PC has four IDE places
    guest = replace(
        GUEST,
        image=image,
        properties=hardware,
        nics=(taps.wire(taps.nic()),),
        volumes=(attached,),
        config_drive={
            "openstack/latest/meta_data.json": json.dumps(
                {"devices": [{"type": "disk", "serial": "v1", "bus": "none", "address": "none"}]}
            ).encode()
        },
        ephemeral=(LocalDisk(8),),
        swap_mib=8,
    )
    try:
        driver.prepare(guest)
        booted = driver.boot(guest)
        assert booted.power is Power.RUNNING and booted.devices.keys() == {"v1"}
        assert booted.addresses.keys() == {"v1", guest.nics[0].port_id}
        assert re.fullmatch(r"pci 0000:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", booted.addresses[guest.nics[0].port_id])
        told = json.dumps(dict(zip(("bus", "address"), booted.addresses["v1"].split(), strict=True)))[1:-1]
        assert told.encode() in driver.disks.files(guest.id).config_drive.read_bytes(), "the first boot reads it there"
        assert hardware.get("hw_firmware_type", "bios") in driver.inventory().facts["firmware"].split()
        if hardware.get("hw_video_model") != "none":
            assert driver.console(guest.id, "vnc").port >= 5900
        assert driver.diagnostics(guest.id).memory_mib == guest.memory_mib
    finally:
        driver.destroy(guest.id)
        driver.close()


def test_an_unknown_machine_is_refused_by_name(libvirtd, image_server, test_image):
    from pileus_compute.drivers.libvirt.hypervisor import Libvirt

    driver = Libvirt(libvirtd.uri, libvirtd.state / "host", "h", "plt")
    guest = replace(
        GUEST,
        image=image_server.put("testimg", test_image.read_bytes(), "qcow2"),
        properties={"hw_machine_type": "pc-i440fx-99"},
    )
    try:
        driver.prepare(guest)
        with pytest.raises(HypervisorFailed, match="pc-i440fx-99"):
            driver.boot(guest)
    finally:
        driver.destroy(guest.id)
        driver.close()


def test_what_an_image_asks_for_is_in_the_domain(tmp_path):
    domain = built(
        tmp_path,
        vcpus=4,
        properties={
            "hw_watchdog_action": "poweroff",
            "hw_serial_port_count": "2",
            "hw_cpu_sockets": "2",
            "hw_input_bus": "virtio",
            "hw_machine_type": "pc-q35-7.2",
            "hw_video_model": "vga",
            "hw_boot_menu": "true",
        },
    ).xml
    assert domain.find("devices/watchdog").get("action") == "poweroff"
    assert len(domain.findall("devices/serial")) == 2 and domain.find("devices/input").get("bus") == "virtio"
    assert dict(domain.find("cpu/topology").attrib) == {"sockets": "2", "dies": "1", "cores": "2", "threads": "1"}
    assert domain.find("os/type").get("machine") == "pc-q35-7.2" and domain.find("os/bootmenu") is not None


def test_a_kernel_and_its_ramdisk(libvirtd, image_server, test_image):
    """QEMU accepts them; what they do is not tested."""
    from pileus_compute.drivers.libvirt.hypervisor import Libvirt

    driver = Libvirt(libvirtd.uri, libvirtd.state / "host", "h", "plt")
    raw = libvirtd.state / "image.raw"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(test_image), str(raw)], check=True)
    kernel = subprocess.run(["mtype", "-i", f"{raw}@@1M", "::vmlinuz"], check=True, capture_output=True).stdout
    guest = replace(
        GUEST,
        image=image_server.put("testimg", test_image.read_bytes(), "qcow2"),
        kernel=image_server.put("kernel", kernel, "aki"),
        ramdisk=image_server.put("ramdisk", b"r" * 1000, "ari"),
    )
    try:
        driver.prepare(guest)
        assert driver.boot(guest).power is Power.RUNNING
    finally:
        driver.destroy(guest.id)
        driver.close()


def test_domains_of_others_are_left_alone(libvirtd):
    from pileus_compute.drivers.libvirt.hypervisor import Libvirt

    driver, conn = Libvirt(libvirtd.uri, libvirtd.state / "host", "h", "plt"), libvirt.open(libvirtd.uri)
    foreign = conn.defineXML(
        '<domain type="qemu"><name>other-1</name><memory unit="MiB">16</memory>'
        '<os><type arch="x86_64">hvm</type></os></domain>'
    )
    driver.destroy(foreign.UUIDString())
    assert foreign.UUIDString() not in [g.id for g in driver.guests()]
    assert conn.lookupByName("other-1")
    foreign.undefine()
    conn.close()
    driver.close()


def test_an_nbd_volume_comes_and_goes(libvirtd, image_server, test_image):
    from pileus_compute.drivers.libvirt.hypervisor import Libvirt

    driver, disk = Libvirt(libvirtd.uri, libvirtd.state / "host", "h", "plt"), libvirtd.state / "served.raw"
    disk.write_bytes(bytes(1 << 20))
    server = subprocess.Popen(
        [
            "qemu-nbd",
            "-f",
            "raw",
            "-x",
            "e",
            "-b",
            "127.0.0.1",
            "-p",
            "10997",
            "-t",
            "-e",
            "4",
            "--pid-file",
            str(libvirtd.state / "nbd.pid"),
            str(disk),
        ]
    )
    guest = replace(GUEST, image=image_server.put("testimg", test_image.read_bytes(), "qcow2"))
    try:
        while not (libvirtd.state / "nbd.pid").exists():
            assert server.poll() is None
        driver.prepare(guest)
        driver.boot(replace(guest, volumes=(nbd(host="127.0.0.1", port=10997),)))
        with pytest.raises(GuestUnsupported, match="can't grow"):
            driver.extend_volume(guest.id, "n1", 2 << 20)
        driver.cut_power(guest.id)
        driver.detach_volume(guest.id, "n1")
        assert driver.boot(guest).devices == {}
    finally:
        driver.destroy(guest.id)
        driver.close()
        server.terminate()
        server.wait()
