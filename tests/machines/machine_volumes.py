"""Volumes of a cloud of several machines, and how a guest's QEMU on one of them reaches its own."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from namespaces import Machine, eventually

from pileus_deploy.bootstrap import Cloud

VERSION = {"OpenStack-API-Version": "volume 3.70"}
COMPUTE_VERSION = {"OpenStack-API-Version": "compute 2.90"}
GUESTS = Path("libvirt/nbd")
"""Where below the state directory a machine has the certificate of its guests."""


@dataclass
class Volumes:
    """Makes volumes, and servers that have them."""

    admin: Cloud

    def create(self, **wanted: Any) -> str:
        body = {"volume": {"size": 1, "name": "machines", **wanted}}
        volume: str = self.admin.call("POST", "volume", "/v3/{project}/volumes", body)["volume"]["id"]
        eventually("the volume is available", lambda: self.show(volume)["status"] == "available")
        return volume

    def show(self, volume: str) -> dict[str, Any]:
        shown = self.admin.call("GET", "volume", f"/v3/{{project}}/volumes/{volume}", headers=VERSION)["volume"]
        assert not shown["status"].startswith("error"), shown
        return dict(shown)

    def serve(self, host: str) -> str:
        """Make a server on the machine."""
        image = self.admin.call("GET", "image", "/v2/images?name=pileus-test")["images"][0]["id"]
        wanted = {"name": "v", "imageRef": image, "flavorRef": "1", "networks": "none", "host": host}
        path, body = "/v2.1/servers", {"server": wanted}
        server: str = self.admin.call("POST", "compute", path, body, headers=COMPUTE_VERSION)["server"]["id"]
        path = f"{path}/{server}"
        eventually("ACTIVE", lambda: self.admin.call("GET", "compute", path)["server"]["status"] == "ACTIVE")
        return server

    def attach(self, server: str, volume: str) -> dict[str, Any]:
        """Give the volume to the server. Returns how the server's machine reaches it, when it is served there."""
        path = f"/v2.1/servers/{server}/os-volume_attachments"
        self.admin.call("POST", "compute", path, {"volumeAttachment": {"volumeId": volume}})
        eventually("the volume is in use", lambda: self.show(volume)["status"] == "in-use")
        path = f"/v3/{{project}}/attachments/{self.show(volume)['attachments'][0]['attachment_id']}"
        way: dict[str, Any] = self.admin.call("GET", "volume", path, headers=VERSION)["attachment"]["connection_info"]
        eventually("it is served", lambda: reached(way["host"], way["port"]))
        return way

    def detach(self, server: str, volume: str) -> None:
        self.admin.call("DELETE", "compute", f"/v2.1/servers/{server}/os-volume_attachments/{volume}")
        eventually("the volume is available", lambda: self.show(volume)["status"] == "available")

    def switch(self, host: str, what: str) -> None:
        """Let no new volumes land on a host, or let them again."""
        body = {"host": f"{host}@file", "binary": "cinder-volume"}
        self.admin.call("PUT", "volume", f"/v3/{{project}}/os-services/{what}", body)


def reached(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def do(machine: Machine, way: dict[str, Any], command: str) -> str:
    """Do something to the volume as a guest's QEMU on the machine does."""
    credentials = f"tls-creds-x509,id=t,dir=/var/lib/pileus/{GUESTS},endpoint=client"
    target = f"driver=nbd,host={way['host']},port={way['port']},export={way['export']},tls-creds=t"
    return machine.run("qemu-io", "--object", credentials, "--image-opts", "-c", command, target)
