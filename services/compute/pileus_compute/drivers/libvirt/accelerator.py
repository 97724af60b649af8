"""Which accelerator guests run with: KVM only if the CPU offers it and a guest has executed an instruction under it.

`/dev/kvm` alone proves nothing: some virtual machines have one on which a stock guest hangs.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROBE_S = 10
DEBUG_EXIT_PORT = 0xF4
PROBE_CODE = 0x10
PROBE_STATUS = PROBE_CODE << 1 | 1
"""QEMU's isa-debug-exit device ends the process with (value << 1) | 1."""
EMULATOR = "qemu-system-x86_64"


@dataclass(frozen=True)
class Accelerator:
    """What guests run with, and why."""

    kind: str
    """The type of libvirt's domain: kvm, or qemu for emulation (TCG)."""
    why: str


def choose(cpuinfo: Path = Path("/proc/cpuinfo")) -> Accelerator:
    """KVM if a probe guest ran under it, otherwise emulation."""
    if not re.search(r"^flags\s*:.*\b(vmx|svm)\b", cpuinfo.read_text(), re.MULTILINE):
        return Accelerator("qemu", "the CPU offers neither vmx nor svm")
    if not Path("/dev/kvm").exists():
        return Accelerator("qemu", "there is no /dev/kvm")
    if not probe("kvm"):
        return Accelerator("qemu", "a probe guest did not run under KVM")
    return Accelerator("kvm", "a probe guest ran")


def probe(accel: str) -> bool:
    """Whether a guest ran that does nothing but write to the debug port."""
    sector = bytes([0xB0, PROBE_CODE, 0xE6, DEBUG_EXIT_PORT, 0xF4]).ljust(510, b"\0") + b"\x55\xaa"  # mov al; out; hlt
    with tempfile.NamedTemporaryFile(suffix=".img") as disk:
        disk.write(sector)
        disk.flush()
        command = [
            EMULATOR,
            "-accel",
            accel,
            "-M",
            "pc",
            "-m",
            "16",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-device",
            f"isa-debug-exit,iobase={DEBUG_EXIT_PORT},iosize=1",
            "-drive",
            f"file={disk.name},format=raw,if=ide,readonly=off,snapshot=on",
        ]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_S, check=False)
        except (subprocess.TimeoutExpired, OSError):
            return False
    return done.returncode == PROBE_STATUS
