"""The host below the cloud: the external network's bridge, forwarding, and their removal."""

import subprocess
from contextlib import suppress
from pathlib import Path

from pileus_deploy.plan import NBD_PORT, NBD_TLS_PORTS, OFFSETS, Plan

TABLE, GUESTS = "masquerade", "guests"
GUEST_USERS = "0x70000000-0x7fffffff"
"""The user of guests' QEMU processes (compute's `drivers/libvirt/guest_users.py`)."""
CONTROL_GROUPS = Path("/sys/fs/cgroup")


def run(*command: str, text: str | None = None) -> str:
    """Run a command. A failure raises CalledProcessError, which has its error output."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def prepare(plan: Plan) -> None:
    """Let this host forward, and hold guests' processes back; on the controller, make the external network as well."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    subprocess.run(
        ["modprobe", "br_netfilter"], capture_output=True, check=False
    )  # the module may be built in; agents can't load it
    forbid_guest_connections(plan)
    if not plan.controller:
        _make_external_network(plan)


def _make_external_network(plan: Plan) -> None:
    """Make the bridge of the external network, with this host as its gateway, masqueraded towards the world."""
    bridge, gateway = plan.public_bridge, f"{plan.public_net}.1/24"
    if not Path(f"/sys/class/net/{bridge}").exists():
        run("ip", "link", "add", bridge, "type", "bridge")
    run("ip", "address", "replace", gateway, "dev", bridge)
    run("ip", "link", "set", bridge, "up")
    table = f"{plan.prefix}_{TABLE}"
    # frames that cross our bridges pass here too (bridge-nf-call-iptables) and must keep their addresses
    run(
        "nft",
        "-f",
        "-",
        text=f"""
        table ip {table}
        delete table ip {table}
        table ip {table} {{
          chain out {{
            type nat hook postrouting priority 100; policy accept;
            ip saddr {plan.public_net}.0/24 oifname != "{plan.prefix}*" masquerade;
          }}
        }}""",
    )


def forbid_guest_connections(plan: Plan) -> None:
    """Forbid guests' QEMU processes to open connections, so that one that an attacker took over reaches nothing.

    What guests send goes through their taps and isn't touched. Volumes of other hosts come over NBD on this cloud's
    ports; a neighbouring cloud's guests, which this rule holds as well, have theirs on other ports.
    """
    nbd = f"{NBD_PORT}-{NBD_PORT + OFFSETS[-1]}, {NBD_TLS_PORTS[0]}-{NBD_TLS_PORTS[-1]}"
    table = f"{plan.prefix}_{GUESTS}"
    run(
        "nft",
        "-f",
        "-",
        text=f"""
        table inet {table}
        delete table inet {table}
        table inet {table} {{
          chain out {{
            type filter hook output priority 0; policy accept;
            meta skuid {GUEST_USERS} tcp dport {{ {nbd} }} accept;
            meta skuid {GUEST_USERS} reject;
          }}
        }}""",
    )


def clear(plan: Plan) -> None:
    """Remove the bridge, the masquerading, the guests' rule and their control groups."""
    subprocess.run(["nft", "delete", "table", "ip", f"{plan.prefix}_{TABLE}"], capture_output=True, check=False)
    subprocess.run(["nft", "delete", "table", "inet", f"{plan.prefix}_{GUESTS}"], capture_output=True, check=False)
    subprocess.run(["ip", "link", "delete", plan.public_bridge], capture_output=True, check=False)
    remove_control_groups(plan)


def remove_control_groups(plan: Plan) -> None:
    """Remove the control groups of guests that ended without their agent (see `drivers/qemu/guest_cgroups.py` of
    compute). A group that still has a process stays."""
    for place in CONTROL_GROUPS.glob(f"**/pileus-{plan.prefix}"):
        for group in (*place.iterdir(), place):
            with suppress(OSError):
                group.rmdir()
