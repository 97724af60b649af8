"""qemu-img, held on a short lead: formats always given, never guessed; memory and processor time limited."""

import os
import subprocess
from pathlib import Path

from pileus_compute.rpc import HypervisorFailed
from pileus_kit.spans import span

MEMORY, STACK = 2 << 30, 1 << 20
"""Bytes of address space: an image that needs more to be understood is an attack. Its 64 threads need a stack each."""
CPU_BASE_S = 30
CPU_S_PER_GIB = 60


def create(path: Path, format: str, size: int | None, base: tuple[Path, str] | None = None) -> None:
    """A new empty disk of `size` bytes, or an overlay on `base` = (file, its format)."""
    backing = ["-b", str(base[0]), "-F", base[1]] if base else []
    _run("create a disk", "create", "-q", "-f", format, *backing, str(path), *([str(size)] if size else []))


def grow(path: Path, format: str, size: int) -> None:
    _run("grow a disk", "resize", "-q", "-f", format, str(path), str(size))


def convert(source: Path, source_format: str, target: Path, target_format: str, size: int) -> None:
    """Copy what `source` (with its backing files) shows to a flat new file; `size`: virtual bytes, for the limit."""
    _run("convert a disk", "convert", "-q", "-f", source_format, "-O", target_format, str(source), str(target),
         cpu_s=CPU_BASE_S + CPU_S_PER_GIB * (1 + (size >> 30)))


def _run(what: str, *arguments: str, cpu_s: int = CPU_BASE_S) -> None:
    command = ["prlimit", f"--as={MEMORY}", f"--stack={STACK}", f"--cpu={cpu_s}", "qemu-img", *arguments]
    with span(f"qemu-img {arguments[0]}"):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
                              env={**os.environ, "MALLOC_ARENA_MAX": "2", "LC_ALL": "C"})
    if done.returncode:
        why = done.stderr.strip() or f"qemu-img ended with {done.returncode}"
        raise HypervisorFailed(what=what, why=why[-500:])
