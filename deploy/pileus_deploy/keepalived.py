"""keepalived, which gives a cloud's virtual address to one of the control machines whose HAProxy runs.

The machines tell each other by VRRP, once a second, that they are there; three seconds after the last word of the one
that has the address, another one takes it and tells the switches.
"""

import json
import shlex
import subprocess
import zlib
from pathlib import Path

from pileus_deploy.plan import Plan

BINARY = "/usr/sbin/keepalived"
CONFIG = """global_defs {{
  router_id {name}
  script_user root
  enable_script_security
}}
vrrp_script haproxy {{
  script "{check}"
  interval 2
  timeout 2
  fall 2
  rise 1
}}
vrrp_instance pileus {{
  interface {interface}
  state BACKUP
  nopreempt
  virtual_router_id {number}
  priority 100
  advert_int 1
  garp_master_refresh 10
  virtual_ipaddress {{
    {address}/32 dev {interface}
  }}
  track_script {{
    haproxy
  }}
}}
"""
CHECK = """#!/bin/bash
# Whether HAProxy of this machine accepts connections
exec 3<>/dev/tcp/{address}/{port}
"""


class NoInterface(RuntimeError):
    """No network interface has the machine's address; the message says which."""


def command(plan: Plan) -> tuple[str, ...]:
    """Run in the foreground. Files with numbers of processes that a power cut has ended would keep it from starting."""
    numbers = [str(plan.state / "run" / name) for name in ("keepalived-main.pid", "keepalived-vrrp.pid")]
    options = [
        "--dont-fork",
        "--log-console",
        "--vrrp",
        "-f",
        str(config_file(plan)),
        "-p",
        numbers[0],
        "-r",
        numbers[1],
    ]
    return ("/bin/sh", "-c", f'rm -f {shlex.join(numbers)}; exec "$@"', "keepalived", BINARY, *options)


def config_file(plan: Plan) -> Path:
    return plan.state / "etc" / "keepalived.conf"


def write_config(plan: Plan) -> None:
    """Write the configuration and the check of HAProxy. Raises NoInterface."""
    check = plan.state / "etc" / "keepalived-check"
    check.write_text(CHECK.format(address=plan.address, port=plan.common_port))
    check.chmod(0o700)
    config_file(plan).write_text(
        CONFIG.format(
            name=plan.host,
            check=check,
            interface=interface_of(plan.address),
            number=router_number(plan),
            address=plan.virtual_address,
        )
    )
    config_file(plan).chmod(0o600)


def router_number(plan: Plan) -> int:
    """Return the number from 1 to 255 by which the cloud's machines know each other among others on their network."""
    return zlib.crc32(f"{plan.virtual_address} {plan.offset}".encode()) % 255 + 1


def interface_of(address: str) -> str:
    """Return the network interface that has the address. Raises NoInterface."""
    shown = subprocess.run(["ip", "-json", "address", "show"], capture_output=True, text=True, check=True).stdout
    for one in json.loads(shown):
        if any(found.get("local") == address for found in one["addr_info"]):
            return str(one["ifname"])
    raise NoInterface(f"no network interface of this machine has the address {address}")
