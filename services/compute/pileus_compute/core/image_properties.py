"""Image properties that say what hardware a guest has: which values OpenStack knows, and what hosts provide.

An unknown value is refused at once, in OpenStack's words. A known one that no host here provides makes all hosts
unsuitable: a user who asked for a TPM or for encrypted memory must not get a guest without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pileus_kit.errors import BadRequest
from pileus_kit.numbers import parse_whole_number

LEGACY_NAMES = {
    "architecture": "hw_architecture",
    "hypervisor_type": "img_hv_type",
    "vm_mode": "hw_vm_mode",
    "hypervisor_version_requires": "img_hv_requested_version",
    "auto_disk_config": "hw_auto_disk_config",
}
"""Former names, which images still have."""

BUSES = ("fdc", "ide", "sata", "scsi", "usb", "virtio", "xen", "lxc", "uml")
ARCHITECTURES = (
    "aarch64",
    "alpha",
    "armv6",
    "armv7l",
    "armv7b",
    "cris",
    "i686",
    "ia64",
    "lm32",
    "loongarch64",
    "m68k",
    "microblaze",
    "microblazeel",
    "mips",
    "mipsel",
    "mips64",
    "mips64el",
    "openrisc",
    "parisc",
    "parisc64",
    "ppc",
    "ppcle",
    "ppc64",
    "ppc64le",
    "ppcemb",
    "riscv64",
    "s390",
    "s390x",
    "sh4",
    "sh4eb",
    "sparc",
    "sparc64",
    "unicore32",
    "x86_64",
    "xtensa",
    "xtensaeb",
)
SPELLINGS = {
    "amd64": "x86_64",
    "x86-64": "x86_64",
    "i386": "i686",
    "i486": "i686",
    "i586": "i686",
    "x86": "i686",
    "arm64": "aarch64",
}
HYPERVISORS = (
    "baremetal",
    "bhyve",
    "docker",
    "fake",
    "hyperv",
    "ironic",
    "kqemu",
    "kvm",
    "lxc",
    "lxd",
    "openvz",
    "parallels",
    "phyp",
    "qemu",
    "test",
    "uml",
    "vbox",
    "vz",
    "vmware",
    "xen",
    "zvm",
    "prsm",
)

VALUES: dict[str, tuple[str, ...]] = {
    "hw_architecture": ARCHITECTURES,
    "hw_emulation_architecture": ARCHITECTURES,
    "img_hv_type": HYPERVISORS,
    "hw_vm_mode": ("hvm", "xen", "uml", "exe"),
    "hw_disk_bus": BUSES,
    "hw_cdrom_bus": BUSES,
    "hw_rescue_bus": BUSES,
    "hw_floppy_bus": BUSES,
    "hw_rescue_device": ("cdrom", "disk", "floppy", "fs", "lun"),
    "hw_firmware_type": ("uefi", "bios"),
    "hw_input_bus": ("usb", "virtio"),
    "hw_pointer_model": ("usbtablet",),
    "hw_cpu_policy": ("dedicated", "shared", "mixed"),
    "hw_cpu_thread_policy": ("prefer", "isolate", "require"),
    "hw_mem_encryption_model": ("amd-sev", "amd-sev-es", "amd-sev-snp"),
    "hw_pci_numa_affinity_policy": ("required", "legacy", "preferred", "socket"),
    "hw_rng_model": ("virtio",),
    "hw_scsi_model": ("buslogic", "ibmvscsi", "lsilogic", "lsisas1068", "lsisas1078", "virtio-scsi", "vmpvscsi"),
    "hw_video_model": ("cirrus", "qxl", "vga", "vmvga", "xen", "virtio", "gop", "none", "bochs"),
    "hw_vif_model": (
        "virtio",
        "ne2k_pci",
        "pcnet",
        "rtl8139",
        "e1000",
        "e1000e",
        "netfront",
        "spapr-vlan",
        "lan9118",
        "igb",
        "sriov",
        "vmxnet",
        "vmxnet3",
    ),
    "hw_viommu_model": ("intel", "smmuv3", "virtio", "auto"),
    "hw_tpm_model": ("tpm-tis", "tpm-crb"),
    "hw_tpm_version": ("1.2", "2.0"),
    "hw_watchdog_action": ("none", "pause", "poweroff", "reset", "disabled"),
    "hw_ephemeral_encryption_format": ("plain", "luks", "luksv2"),
    "hw_maxphysaddr_mode": ("passthrough", "emulate"),
    "hw_sound_model": ("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"),
    "os_secure_boot": ("required", "disabled", "optional"),
}
NUMBERS = (
    "hw_cpu_cores",
    "hw_cpu_sockets",
    "hw_cpu_threads",
    "hw_cpu_max_cores",
    "hw_cpu_max_sockets",
    "hw_cpu_max_threads",
    "hw_serial_port_count",
    "hw_video_ram",
    "hw_numa_nodes",
    "hw_maxphysaddr_bits",
    "hw_redirected_usb_ports",
)
MAX_SERIAL_PORTS = 4  # of a guest
YES, NO = ("true", "1", "yes", "on", "t", "y"), ("false", "0", "no", "off", "f", "n", "")

PROVIDED: dict[str, tuple[str, ...]] = {  # of the known values those that our hosts provide
    "hw_vm_mode": ("hvm",),
    "hw_disk_bus": ("ide", "sata", "scsi", "usb", "virtio"),
    "hw_cdrom_bus": ("ide", "sata", "scsi", "usb", "virtio"),
    "hw_cpu_policy": ("shared",),
    "hw_scsi_model": ("virtio-scsi", "lsilogic"),
    "hw_video_model": ("cirrus", "qxl", "vga", "virtio", "none", "bochs"),
    "hw_vif_model": ("virtio", "ne2k_pci", "pcnet", "rtl8139", "e1000", "e1000e", "igb", "vmxnet3"),
    "os_secure_boot": ("disabled", "optional"),
    "hw_emulation_architecture": ("x86_64",),
}
NOT_PROVIDED = (
    "hw_cpu_thread_policy",
    "hw_cpu_realtime_mask",
    "hw_mem_encryption_model",
    "hw_pci_numa_affinity_policy",
    "hw_viommu_model",
    "hw_tpm_model",
    "hw_tpm_version",
    "hw_sound_model",
    "hw_usb_model",
    "hw_numa_nodes",
    "hw_numa_cpus",
    "hw_numa_mem",
    "hw_mem_page_size",
    "hw_maxphysaddr_mode",
    "hw_maxphysaddr_bits",
    "hw_redirected_usb_ports",
    "hw_video_ram",
    "img_hv_requested_version",
    "hw_ephemeral_encryption_format",
    "hw_ephemeral_encryption_secret_uuid",
    "hw_emulator_threads_policy",
    "hw_cpu_dedicated_mask",
)
NOT_PROVIDED_IF_TRUE = (
    "hw_mem_encryption",
    "hw_ephemeral_encryption",
    "hw_locked_memory",
    "hw_firmware_stateless",
    "hw_vif_multiqueue_enabled",
    "hw_virtio_packed_ring",
    "hw_time_hpet",
    "hw_pmu",
    "img_hide_hypervisor_id",
    "hw_cpu_realtime",
)
TRAIT = "trait:"  # `trait:NAME` = required: no host reports traits
PREFIXES = ("hw_", "os_", "img_", TRAIT)
NOT_PROPERTIES = ("os_hidden", "os_hash_algo", "os_hash_value")  # attributes of every image


def hardware_properties(image: Mapping[str, object]) -> dict[str, object]:
    """Return the properties of an image that say what hardware its guests have, by their present names."""
    found = {k: v for k, v in image.items() if k.startswith(PREFIXES) and k not in NOT_PROPERTIES and v is not None}
    return found | {new: image[old] for old, new in LEGACY_NAMES.items() if image.get(old) is not None}


def requires_config_drive(properties: Mapping[str, object]) -> bool:
    """Return whether the image is of no use without a config drive."""
    return properties.get("img_config_drive") == "mandatory"


def check(properties: Mapping[str, object]) -> None:
    """Raise BadRequest for a value that OpenStack doesn't know."""
    drive = properties.get("img_config_drive", "optional")
    if drive not in ("optional", "mandatory"):
        raise BadRequest(why=f"Image's config drive option '{drive}' is invalid")
    for name, value in properties.items():
        number = parse_whole_number(str(value)) if name in NUMBERS else None
        if (name in VALUES and _plain(name, value) not in VALUES[name]) or (name in NUMBERS and number is None):
            raise BadRequest(why=f"Invalid image metadata. Error: Field value {value} is invalid ({name})")
        if name in NOT_PROVIDED_IF_TRUE and str(value).lower() not in YES + NO:
            raise BadRequest(why=f"Invalid image metadata. Error: Unrecognized value '{value}' ({name})")
        if name == "hw_serial_port_count" and (number or 0) > MAX_SERIAL_PORTS:
            raise BadRequest(why=f"Maximum number of serial port exceeds {MAX_SERIAL_PORTS}")


def _plain(name: str, value: object) -> str:
    """Return the value in the one spelling that the tables here have."""
    text = str(value)
    if name in ("hw_architecture", "hw_emulation_architecture"):
        text = text.lower()
        return SPELLINGS.get(text, text)
    return text.lower() if name in ("img_hv_type", "hw_vm_mode", "hw_scsi_model") else text


@dataclass(frozen=True)
class HostCapabilities:
    """What images may ask of a host."""

    hypervisor: str
    arch: str
    """Empty: its agent didn't report it."""
    firmware: frozenset[str]

    def missing(self, properties: Mapping[str, object]) -> list[str]:
        """Return `name=value` of each property that asks for what the host doesn't provide."""
        return [
            f"{name}={value}" for name, value in properties.items() if not self._provides(name, _plain(name, value))
        ]

    def _provides(self, name: str, value: str) -> bool:
        if name == "hw_architecture":
            return not self.arch or value == self.arch or (value, self.arch) == ("i686", "x86_64")
        if name == "img_hv_type":
            return value in _runs(self.hypervisor.lower())
        if name == "hw_firmware_type":
            return value in self.firmware
        if name.startswith(TRAIT):
            return value != "required"
        return (
            value in PROVIDED.get(name, (value,))
            and name not in NOT_PROVIDED
            and not (name in NOT_PROVIDED_IF_TRUE and value.lower() in YES)
        )


def _runs(hypervisor: str) -> tuple[str, ...]:
    """Return the hypervisors whose images run: a host with KVM runs what was made for QEMU, too."""
    return ("kvm", "qemu") if hypervisor == "kvm" else (hypervisor,)
