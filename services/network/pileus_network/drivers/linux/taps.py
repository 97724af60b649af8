"""Persistent taps: they outlive the process that creates them, so a guest can start on one later, and again."""

import fcntl
import os
import struct

TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000


def create(name: str) -> None:
    """Create a persistent tap. The calls are from Documentation/networking/tuntap.rst of Linux."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        fcntl.ioctl(tun, TUNSETPERSIST, 1)
    finally:
        os.close(tun)
