"""The cloud starts with the machine where systemd runs: one unit for each cloud.

The unit calls `pileus cloud up` and `down`; the supervisor runs the processes, as everywhere. The unit doesn't end
guests (KillMode): `down` asks them to shut down, and an operator who kills the unit leaves them running.
"""

import subprocess
from pathlib import Path

from pileus_deploy.plan import Plan
from pileus_deploy.privileges import CODE

UNITS = "etc/systemd/system"


def systemd_runs(root: Path = Path("/")) -> bool:
    """Return whether systemd is the machine's init."""
    return (root / "run/systemd/system").is_dir()


def unit_name(plan: Plan) -> str:
    return f"pileus-{plan.prefix}.service"


def unit_text(plan: Plan, checkout: Path | None = None) -> str:
    """Return the unit's text. `checkout` is the release that it starts, if it isn't the one that this code is."""
    environment, place = (checkout / ".venv", checkout) if checkout else (CODE[0], CODE[2])
    command = f"{environment}/bin/pileus cloud"
    return f"""[Unit]
Description=Pileus cloud in {plan.state}
Documentation=file://{place}/README.md
After=network-online.target libvirtd.service nss-user-lookup.target
Wants=network-online.target
RequiresMountsFor={plan.state} {place}

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=MALLOC_ARENA_MAX=2
WorkingDirectory={plan.state}
ExecStart={command} up --no-demo --state {plan.state}
ExecStop={command} down --state {plan.state}
KillMode=process
LimitNOFILE=20000
TimeoutStartSec=10min
TimeoutStopSec=5min

[Install]
WantedBy=multi-user.target
"""


def install(plan: Plan, root: Path = Path("/"), checkout: Path | None = None) -> bool:
    """Write the unit and enable it. Returns False where there is no systemd."""
    if not systemd_runs(root):
        return False
    unit = root / UNITS / unit_name(plan)
    text = unit_text(plan, checkout)
    if not unit.exists() or unit.read_text() != text:
        unit.parent.mkdir(parents=True, exist_ok=True)
        unit.write_text(text)
        unit.chmod(0o644)
        _systemctl(root, "daemon-reload")
    _systemctl(root, "enable", "--quiet", unit_name(plan))
    _systemctl(
        root, "start", "--no-block", unit_name(plan)
    )  # `up` finds everything running; from now on stopping the unit stops the cloud
    return True


def remove(plan: Plan, root: Path = Path("/")) -> bool:
    """Remove the unit. Returns False if there was none."""
    unit = root / UNITS / unit_name(plan)
    if not unit.exists():
        return False
    _systemctl(root, "disable", "--quiet", unit_name(plan))
    unit.unlink()
    _systemctl(root, "daemon-reload")
    return True


def _systemctl(root: Path, *words: str) -> None:
    if root == Path("/"):
        subprocess.run(["systemctl", *words], check=False)
