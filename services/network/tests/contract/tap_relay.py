"""A guest's network card without a guest: connects the tap that a driver created with one inside a guest's namespace.

A hypervisor opens the tap in the same way. Usage: tap_relay.py TAP NAMESPACE MAC MTU
"""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
from contextlib import suppress

TUNSETIFF, FLAGS = 0x400454CA, 0x0002 | 0x1000 | 0x4000  # a tap, no packet information, virtio's header


def attach(name: str) -> int:
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), FLAGS))
    return tun


def main(tap: str, namespace: str, mac: str, mtu: str) -> None:
    outside = attach(tap)
    with open(f"/run/netns/{namespace}") as there:
        ctypes.CDLL(None).setns(there.fileno(), 0x40000000)
    inside = attach("eth0")
    subprocess.run(["ip", "link", "set", "eth0", "address", mac, "mtu", mtu, "up"], check=True)
    print("up", flush=True)
    while True:
        for ready in select.select([outside, inside], [], [])[0]:
            try:
                frame = os.read(ready, 70000)
            except OSError:  # the tap is gone
                return
            with suppress(OSError):  # a tap that is down takes no frames; a hypervisor carries on as well
                os.write(inside if ready is outside else outside, frame)


main(*sys.argv[1:])
