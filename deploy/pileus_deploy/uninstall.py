"""`deploy/uninstall`: removes everything that `deploy/up` made on this machine except Debian's packages."""

import pwd
from pathlib import Path

from pileus_deploy import lifecycle, systemd_unit, users
from pileus_deploy.plan import Plan
from pileus_deploy.progress import step

PACKAGES = ("packages.txt", "guest-image/packages.txt")


def uninstall(plan: Plan, yes: bool) -> int:
    """Ask unless `yes`; then remove the cloud, its unit and its users. The caller removes the virtual environment."""
    print(f"This removes the cloud in {plan.state} with all servers, volumes, images and objects in it.")
    if not yes and input("Type `yes` to go on: ").strip() != "yes":
        print("Nothing was changed.")
        return 1
    lifecycle.reset(plan)
    with step("unit") as remark:
        remark(systemd_unit.unit_name(plan) if systemd_unit.remove(plan) else "there was none")
    with step("users") as remark:
        others = users_with_processes()
        remark(f"kept, another cloud runs as {others[0]}" if others else ", ".join(users.remove()) or "there were none")
    print(
        "Debian packages stay, for other programs may use them. These were installed if they were missing:\n  "
        + " ".join(installed_packages())
    )
    return 0


def users_with_processes() -> list[str]:
    """Return our users that still have a process."""
    owners = set()
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                owners.add(place.stat().st_uid)
            except FileNotFoundError:
                continue
    known = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall() if entry.pw_name in users.NAMES}
    return sorted(known[uid] for uid in owners & known.keys())


def installed_packages() -> list[str]:
    lists = [lifecycle.CHECKOUT / "deploy" / name for name in PACKAGES]
    lines = [line.partition("#")[0].split() for file in lists for line in file.read_text().splitlines()]
    return sorted({words[0] for words in lines if words})
