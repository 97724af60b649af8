"""Passwords and keys are drawn anew while the cloud runs: nobody is logged out, no guest is touched."""

import json
import subprocess
from pathlib import Path

import requests

from pileus_deploy import lifecycle, plan_files
from pileus_deploy.bootstrap import Cloud
from pileus_deploy.plan import PORTS
from pileus_deploy.progress import wait_for

TOP = Path(__file__).resolve().parents[2]
STAY = {"admin", "demo", "hash_path"}
"""People's passwords are theirs, and the object store's hashes name where everything lies."""


def test_everything_rotates(state: Path, cloud: object) -> None:
    plan = plan_files.load(state)
    assert plan is not None
    before = dict(plan.secrets)
    client = Cloud(plan, "demo", "demo")
    token, servers = client.session.get_token(), client.call("GET", "compute", "/v2.1/servers")["servers"]
    done = subprocess.run(
        [TOP / ".venv/bin/pileus", "cloud", "rotate", "--state", state], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [secret for secret in before.values() if secret in done.stdout + done.stderr]
    after = json.loads((state / "secrets.json").read_text())
    assert {name for name in before if before[name] == after[name]} == STAY

    def answered() -> bool:
        """Each service asks identity with its new password; compute's agent takes work over the bus."""
        return (
            all(lifecycle.is_healthy(plan, service) for service in PORTS)
            and requests.get(
                f"{plan.url('compute')}/v2.1/servers", headers={"X-Auth-Token": token}, timeout=30
            ).status_code
            == 200
        )

    wait_for("services", 120, answered)
    assert client.call("GET", "compute", "/v2.1/servers")["servers"] == servers
    made = client.call("POST", "volume", "/v3/{project}/volumes", {"volume": {"size": 1, "name": "rotated"}})["volume"]
    path = f"/v3/{{project}}/volumes/{made['id']}"
    wait_for("a volume", 120, lambda: client.call("GET", "volume", path)["volume"]["status"] == "available")
    client.call("DELETE", "volume", path)
