"""Images of real distributions, built on this machine from the distribution's own packages."""

import subprocess
import sys
from pathlib import Path

from pileus_deploy.lifecycle import CHECKOUT


def debian(out: Path, release: str) -> dict[str, str]:
    """Build a qcow2 image of Debian with cloud-init at `out`, and return the properties that describe it to clients.

    Progress goes to standard error. Raises RuntimeError on failure; then there is no file at `out`.
    """
    done = subprocess.run(
        [str(CHECKOUT / "deploy" / "debian-image" / "build"), "--release", release, str(out)],
        stdout=sys.stderr.fileno(),
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"Debian {release} can't be built; what failed stands above.")
    return {"os_distro": "debian", "os_version": release, "os_admin_user": "debian", "os_type": "linux"}
