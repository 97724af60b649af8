"""The host below the cloud: the external network's bridge, forwarding, and their removal."""

import subprocess
from pathlib import Path

from pileus_deploy.plan import Plan

TABLE = "masquerade"


def run(*command: str, text: str | None = None) -> str:
    """Run a command; its error output is in the exception."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def prepare(plan: Plan) -> None:
    """The bridge of the external network, with this host as its gateway, masqueraded towards the world."""
    bridge, gateway = plan.public_bridge, f"{plan.public_net}.1/24"
    if not Path(f"/sys/class/net/{bridge}").exists():
        run("ip", "link", "add", bridge, "type", "bridge")
    run("ip", "address", "replace", gateway, "dev", bridge)
    run("ip", "link", "set", bridge, "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    subprocess.run(["modprobe", "br_netfilter"], capture_output=True, check=False)  # may be built in; agents can't
    table = f"{plan.prefix}_{TABLE}"
    # what crosses a bridge of ours passes here too (bridge-nf-call-iptables), and must keep its address
    run("nft", "-f", "-", text=f"""
        table ip {table}
        delete table ip {table}
        table ip {table} {{
          chain out {{
            type nat hook postrouting priority 100; policy accept;
            ip saddr {plan.public_net}.0/24 oifname != "{plan.prefix}*" masquerade;
          }}
        }}""")


def clear(plan: Plan) -> None:
    """Take the bridge and the masquerading away."""
    subprocess.run(["nft", "delete", "table", "ip", f"{plan.prefix}_{TABLE}"], capture_output=True, check=False)
    subprocess.run(["ip", "link", "delete", plan.public_bridge], capture_output=True, check=False)
