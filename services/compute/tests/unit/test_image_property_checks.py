"""Image properties: what OpenStack knows, what hosts give, and what a guest is made of."""

from typing import Any

import pytest

from pileus_compute.core import image_properties
from pileus_compute.core.image_properties import HostCapabilities
from pileus_kit.errors import BadRequest

HOST = HostCapabilities("QEMU", "x86_64", frozenset({"bios"}))


@pytest.mark.parametrize(
    "found",
    [
        {"hw_disk_bus": "floppy"},
        {"hw_vif_model": "nosuchnic"},
        {"hw_video_model": "mda"},
        {"hw_firmware_type": "coreboot"},
        {"hw_watchdog_action": "bark"},
        {"hw_serial_port_count": "many"},
        {"hw_serial_port_count": 5},
        {"hw_cpu_sockets": "-1"},
        {"hw_architecture": "vax"},
        {"img_hv_type": "bochs"},
        {"hw_vm_mode": "ring0"},
        {"hw_tpm_version": "3.0"},
        {"hw_tpm_model": "chip"},
        {"os_secure_boot": "yes"},
        {"hw_mem_encryption": "perhaps"},
        {"img_config_drive": "always"},
        {"hw_cpu_policy": "mine"},
        {"hw_rng_model": "dice"},
        {"hw_scsi_model": "sasi"},
    ],
)
def test_values_that_openstack_does_not_know(found: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=r"Invalid image metadata|config drive option|serial port"):
        image_properties.check(found)


@pytest.mark.parametrize(
    "found",
    [
        {"hw_tpm_version": "2.0"},
        {"hw_tpm_model": "tpm-crb"},
        {"os_secure_boot": "required"},
        {"hw_mem_encryption": "True"},
        {"hw_mem_encryption_model": "amd-sev"},
        {"hw_firmware_type": "uefi"},
        {"hw_architecture": "aarch64"},
        {"img_hv_type": "vmware"},
        {"img_hv_type": "kvm"},
        {"hw_vm_mode": "xen"},
        {"hw_disk_bus": "xen"},
        {"hw_video_model": "gop"},
        {"hw_vif_model": "sriov"},
        {"hw_cpu_policy": "dedicated"},
        {"hw_numa_nodes": 2},
        {"hw_mem_page_size": "large"},
        {"hw_ephemeral_encryption": "true"},
        {"trait:HW_CPU_X86_SGX": "required"},
        {"img_hv_requested_version": ">=99"},
        {"hw_sound_model": "sb16"},
        {"hw_locked_memory": "yes"},
    ],
)
def test_what_no_host_gives(found: dict[str, Any]) -> None:
    """The values are good, so a host that gave it would be found."""
    image_properties.check(found)
    ((name, value),) = found.items()
    assert HOST.missing(found) == [f"{name}={value}"]


@pytest.mark.parametrize(
    "found",
    [
        {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"},
        {"hw_architecture": "x86_64"},
        {"hw_architecture": "amd64"},
        {"hw_architecture": "i686"},
        {"img_hv_type": "QEMU"},
        {"hw_vm_mode": "hvm"},
        {"hw_firmware_type": "bios"},
        {"os_secure_boot": "optional"},
        {"hw_mem_encryption": "false"},
        {"hw_watchdog_action": "reset"},
        {"hw_serial_port_count": 2},
        {"hw_cpu_sockets": "2"},
        {"img_config_drive": "mandatory"},
        {"os_distro": "debian"},
        {"hw_machine_type": "q35"},
        {"hw_qemu_guest_agent": "yes"},
        {"trait:HW_CPU_X86_SGX": "forbidden"},
    ],
)
def test_what_every_host_gives(found: dict[str, Any]) -> None:
    image_properties.check(found)
    assert HOST.missing(found) == []


def test_names_of_old_mean_the_same() -> None:
    found = image_properties.hardware_properties(
        {
            "architecture": "aarch64",
            "hypervisor_type": "vmware",
            "vm_mode": "xen",
            "name": "x",
            "os_hash_algo": "sha512",
            "hw_disk_bus": None,
        }
    )
    assert found == {"hw_architecture": "aarch64", "img_hv_type": "vmware", "hw_vm_mode": "xen"}
    assert len(HOST.missing(found)) == 3


def test_what_was_made_for_qemu_runs_with_kvm() -> None:
    kvm = HostCapabilities("KVM", "x86_64", frozenset({"bios", "uefi"}))
    assert kvm.missing({"img_hv_type": "qemu", "hw_firmware_type": "uefi"}) == kvm.missing({"img_hv_type": "kvm"}) == []
