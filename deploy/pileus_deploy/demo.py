"""The first server: booted, given a floating IP, logged in to."""

import subprocess
from pathlib import Path
from typing import Any

from pileus_deploy.bootstrap import IMAGE, Cloud
from pileus_deploy.plan import Plan
from pileus_deploy.progress import step, wait_for

NAME = "first"
SSH = (
    "ssh",
    "-q",
    "-o",
    "BatchMode=yes",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "ConnectTimeout=3",
)


def first_server(plan: Plan) -> str:
    """Boot the server unless it exists, and return the ssh command that reaches it."""
    cloud = Cloud(plan, "demo", "demo")
    with step("key pair"):
        key = _key(plan, cloud)
    with step(f"server {NAME} is ACTIVE") as remark:
        server = _server(cloud)
        remark(server["id"])
    with step("floating IP") as remark:
        address = _floating_ip(cloud, server)
        remark(address)
    command = (*SSH, "-i", str(key), f"root@{address}")
    with step("ssh answers") as remark:
        wait_for("ssh", 300, lambda: _succeeds(*command, "true"), every=0.5)
        remark(subprocess.run([*command, "hostname"], capture_output=True, text=True, check=True).stdout.strip())
    return f"ssh -i {key} -o StrictHostKeyChecking=no root@{address}"


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _key(plan: Plan, cloud: Cloud) -> Path:
    key = plan.state / "demo-key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pileus-demo", "-f", str(key)], check=True)
    names = [k["keypair"]["name"] for k in cloud.call("GET", "compute", "/v2.1/os-keypairs")["keypairs"]]
    if "demo" not in names:
        cloud.call(
            "POST",
            "compute",
            "/v2.1/os-keypairs",
            {"keypair": {"name": "demo", "public_key": key.with_suffix(".pub").read_text()}},
        )
    return key


def _server(cloud: Cloud) -> dict[str, Any]:
    found = cloud.call("GET", "compute", f"/v2.1/servers/detail?name=^{NAME}$")["servers"]
    for broken in (
        server for server in found if server["status"] == "ERROR"
    ):  # the file may be left from an earlier try
        cloud.call("DELETE", "compute", f"/v2.1/servers/{broken['id']}")
    found = [server for server in found if server["status"] != "ERROR"]
    server_id = found[0]["id"] if found else _boot(cloud)
    path = f"/v2.1/servers/{server_id}"
    state: dict[str, Any] = {}

    def active() -> bool:
        state.update(cloud.call("GET", "compute", path)["server"])
        return bool(state["status"] == "ACTIVE")

    wait_for(
        f"server {NAME}",
        300,
        active,
        every=0.3,
        failed=lambda: (
            state.get("fault", {}).get("message", "no fault recorded") if state["status"] == "ERROR" else None
        ),
    )
    return state


def _boot(cloud: Cloud) -> str:
    flavor = next(f for f in cloud.call("GET", "compute", "/v2.1/flavors")["flavors"] if f["name"] == "m1.nano")
    image = cloud.call("GET", "image", f"/v2/images?name={IMAGE}")["images"][0]
    network = cloud.call("GET", "network", "/v2.0/networks?name=private&project_id={project}")["networks"][0]
    server = cloud.call(
        "POST",
        "compute",
        "/v2.1/servers",
        {
            "server": {
                "name": NAME,
                "flavorRef": flavor["id"],
                "imageRef": image["id"],
                "key_name": "demo",
                "networks": [{"uuid": network["id"]}],
            }
        },
    )["server"]
    return str(server["id"])


def _floating_ip(cloud: Cloud, server: dict[str, Any]) -> str:
    ports = cloud.call("GET", "network", f"/v2.0/ports?device_id={server['id']}")["ports"]
    found = cloud.call("GET", "network", f"/v2.0/floatingips?port_id={ports[0]['id']}")["floatingips"]
    if not found:
        public = cloud.call("GET", "network", "/v2.0/networks?router:external=True")["networks"][0]
        found = [
            cloud.call(
                "POST",
                "network",
                "/v2.0/floatingips",
                {"floatingip": {"floating_network_id": public["id"], "port_id": ports[0]["id"]}},
            )["floatingip"]
        ]
    return str(found[0]["floating_ip_address"])
