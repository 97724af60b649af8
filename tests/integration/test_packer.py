"""Packer from Debian's packages builds an image here, over ssh with a key pair of its own: a Go client, unmodified."""

import json
import subprocess
from pathlib import Path

from clients import Cloud

IMAGE = "packed"


def test_packer_builds_an_image(cloud: Cloud, tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text(
        json.dumps(
            {
                "builders": [
                    {
                        "type": "openstack",
                        "cloud": "pileus",
                        "image_name": IMAGE,
                        "source_image_name": "pileus-test",
                        "flavor": "m1.nano",
                        "networks": [cloud("network", "show", "private")["id"]],
                        "floating_ip_network": "public",
                        "reuse_ips": "false",
                        "security_groups": ["default"],
                        "ssh_username": "cirros",
                        "ssh_timeout": "5m",
                    }
                ]
            }
        )
    )
    addresses = {row["ID"] for row in cloud("floating", "ip", "list")}
    built = subprocess.run(
        ["packer", "build", "-color=false", template],
        capture_output=True,
        text=True,
        timeout=900,
        env=cloud.environment | {"HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"},
        check=False,
    )
    try:
        assert built.returncode == 0, built.stdout + built.stderr
        assert "Connected to SSH!" in built.stdout
        assert cloud("image", "show", IMAGE)["status"] == "active"
    finally:
        cloud.attempt("image", "delete", IMAGE)
    assert not [row for row in cloud("server", "list") if row["Name"].startswith("packer")]
    assert {row["ID"] for row in cloud("floating", "ip", "list")} == addresses, "Packer's own is gone"
