"""Just enough of the image, network and volume services to see what compute asks of them and what it leaves behind."""

from typing import Any

from flask import Flask, request

from pileus_kit.db import new_id

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"
SUBNET_ID = "33333333-3333-4333-8333-333333333333"


def refuse(status: int, why: str) -> Any:
    return {"error": {"code": status, "message": why}}, status


class Image:
    ID = IMAGE_ID

    def __init__(self) -> None:
        self.images: dict[str, dict[str, Any]] = {}
        self.tickets: list[dict[str, Any]] = []
        self.add(IMAGE_ID)
        self.app = Flask("image")
        self.app.add_url_rule("/v2/images/<image_id>", view_func=self.show)
        self.app.add_url_rule("/v2/images/<image_id>", view_func=self.remove, methods=["DELETE"])
        self.app.add_url_rule("/v2/images", view_func=self.create, methods=["POST"])
        self.app.add_url_rule("/v2/images", view_func=self.index)
        self.app.add_url_rule("/v2/images/<image_id>", view_func=self.patch, methods=["PATCH"])
        self.app.add_url_rule("/v2/images/<image_id>/file", view_func=self.fill, methods=["PUT"])
        self.app.add_url_rule("/v2/tickets", view_func=self.ticket, methods=["POST"])

    def add(self, image_id: str, **facts: Any) -> str:
        self.images[image_id] = {
            "id": image_id,
            "name": "test",
            "status": "active",
            "disk_format": "qcow2",
            "container_format": "bare",
            "size": 17 << 20,
            "virtual_size": 49 << 20,
            "min_ram": 0,
            "min_disk": 0,
        } | facts
        return image_id

    def show(self, image_id: str) -> Any:
        return self.images.get(image_id) or refuse(404, f"No image found with ID {image_id}")

    def index(self) -> Any:
        wanted = {k: v for k, v in request.args.items() if k in ("instance_uuid", "image_type", "backup_type")}
        return {"images": [i for i in reversed(self.images.values()) if wanted.items() <= i.items()]}

    def remove(self, image_id: str) -> Any:
        return ("", 204) if self.images.pop(image_id, None) else refuse(404, "No image found")

    def create(self) -> Any:
        wish = request.get_json()
        image_id = wish.get("id") or new_id()
        if image_id in self.images:
            return refuse(409, "Image exists")
        self.add(image_id, **wish | {"id": image_id, "status": "queued"})
        return self.images[image_id], 201

    def patch(self, image_id: str) -> Any:
        for change in request.get_json(force=True):
            self.images[image_id][change["path"][1:]] = change["value"]
        return self.images[image_id]

    def fill(self, image_id: str) -> Any:
        if self.images[image_id]["status"] != "queued":
            return refuse(409, "It has its data")
        self.images[image_id] |= {"status": "active", "size": len(request.get_data())}
        return "", 204

    def ticket(self) -> Any:
        wish = request.get_json()
        self.tickets.append(wish)
        return {"url": f"http://image.test/v2/images/{wish['image_id']}/file", "ticket": "t"}, 201


class Network:
    ID = NETWORK_ID

    def __init__(self) -> None:
        self.networks: dict[str, dict[str, Any]] = {}
        self.ports: dict[str, dict[str, Any]] = {}
        self.floating_ips: dict[str, dict[str, Any]] = {}
        self.groups = [
            {"id": "g-default", "name": "default", "project_id": "p1"},
            {"id": "g-web", "name": "web", "project_id": "p1"},
        ]
        self.add(NETWORK_ID, "private")
        self.app = Flask("network")
        self.app.add_url_rule("/v2.0/networks", view_func=self.list_networks)
        self.app.add_url_rule("/v2.0/networks/<network_id>", view_func=self.show_network)
        self.app.add_url_rule("/v2.0/subnets", view_func=self.list_subnets)
        self.app.add_url_rule("/v2.0/security-groups", "sgs", view_func=self.list_groups)
        self.app.add_url_rule("/v2.0/floatingips", "fips", view_func=self.list_floating)
        self.app.add_url_rule("/v2.0/floatingips/<ip_id>", "fip", view_func=self.move_floating, methods=["PUT"])
        self.app.add_url_rule("/v2.0/ports", view_func=self.list_ports)
        self.app.add_url_rule("/v2.0/ports", view_func=self.create_ports, methods=["POST"])
        self.app.add_url_rule("/v2.0/ports/<port_id>", view_func=self.show_port)
        self.app.add_url_rule("/v2.0/ports/<port_id>", view_func=self.update_port, methods=["PUT"])
        self.app.add_url_rule("/v2.0/ports/<port_id>", view_func=self.delete_port, methods=["DELETE"])

    def add(self, network_id: str, name: str, **facts: Any) -> None:
        self.networks[network_id] = {
            "id": network_id,
            "name": name,
            "mtu": 1450,
            "shared": False,
            "project_id": "p1",
            "router:external": False,
            "status": "ACTIVE",
            "subnets": [SUBNET_ID],
        } | facts

    def list_networks(self) -> Any:
        ids = request.args.getlist("id")
        return {"networks": [n for n in self.networks.values() if not ids or n["id"] in ids]}

    def list_groups(self) -> Any:
        ids = request.args.getlist("id")
        return {"security_groups": [g for g in self.groups if not ids or g["id"] in ids]}

    def show_network(self, network_id: str) -> Any:
        known = self.networks.get(network_id)
        return {"network": known} if known else refuse(404, "Network not found")

    def list_subnets(self) -> Any:
        return {
            "subnets": [
                {
                    "id": SUBNET_ID,
                    "ip_version": 4,
                    "cidr": "10.0.0.0/24",
                    "gateway_ip": "10.0.0.1",
                    "dns_nameservers": ["10.0.0.2"],
                    "host_routes": [],
                }
            ]
        }

    def floating(self, address: str, port_id: str | None = None) -> str:
        """One more floating address, which leads to the first IPv4 address of the port, if one is given."""
        ip_id = new_id()
        self.floating_ips[ip_id] = {"id": ip_id, "floating_ip_address": address, "floating_network_id": NETWORK_ID}
        self.lead(ip_id, port_id)
        return ip_id

    def lead(self, ip_id: str, port_id: str | None) -> None:
        fixed = self.ports[port_id]["fixed_ips"][0]["ip_address"] if port_id else None
        self.floating_ips[ip_id] |= {"port_id": port_id, "fixed_ip_address": fixed}

    def list_floating(self) -> Any:
        ports, address = request.args.getlist("port_id"), request.args.get("floating_ip_address")
        return {
            "floatingips": [
                f
                for f in self.floating_ips.values()
                if (not ports or f["port_id"] in ports) and address in (None, f["floating_ip_address"])
            ]
        }

    def move_floating(self, ip_id: str) -> Any:
        self.lead(ip_id, request.get_json()["floatingip"]["port_id"])
        return {"floatingip": self.floating_ips[ip_id]}

    def list_ports(self) -> Any:
        args = request.args
        return {
            "ports": [
                p
                for p in self.ports.values()
                if (not args.getlist("id") or p["id"] in args.getlist("id"))
                and all(
                    p[key] in args.getlist(key)
                    for key in ("device_id", "device_owner", "network_id", "binding:host_id")
                    if key in args
                )
            ]
        }

    def port(self, **facts: Any) -> dict[str, Any]:
        port_id, number = new_id(), len(self.ports) + 5
        fixed = [{"ip_address": f["ip_address"], "subnet_id": SUBNET_ID} for f in facts.pop("fixed_ips", ())]
        self.ports[port_id] = {
            "id": port_id,
            "network_id": NETWORK_ID,
            "mac_address": f"fa:16:3e:00:00:{number:02x}",
            "device_id": "",
            "device_owner": "",
            "binding:host_id": "",
            "name": "",
            "status": "DOWN",
            "security_groups": ["g-default"],
            "fixed_ips": fixed or [{"ip_address": f"10.0.0.{number}", "subnet_id": SUBNET_ID}],
        } | facts
        return self.ports[port_id]

    def create_ports(self) -> Any:
        wish = request.get_json()
        if "port" in wish:
            return {"port": self.port(**wish["port"])}, 201
        return {"ports": [self.port(**p) for p in wish["ports"]]}, 201

    def show_port(self, port_id: str) -> Any:
        return {"port": self.ports[port_id]} if port_id in self.ports else refuse(404, "Port not found")

    def update_port(self, port_id: str) -> Any:
        if port_id not in self.ports:
            return refuse(404, "Port not found")
        self.ports[port_id] |= request.get_json()["port"]
        return {"port": self.ports[port_id]}

    def delete_port(self, port_id: str) -> Any:
        return ("", 204) if self.ports.pop(port_id, None) else refuse(404, "Port not found")


class Volume:
    """A volume is made at once."""

    def __init__(self) -> None:
        self.volumes: dict[str, dict[str, Any]] = {}
        self.attachments: dict[str, dict[str, Any]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.app = Flask("volume")
        root = "/v3/<project>"
        self.app.add_url_rule(f"{root}/volumes", view_func=self.create, methods=["POST"])
        self.app.add_url_rule(f"{root}/volumes/detail", view_func=self.detail)
        self.app.add_url_rule(f"{root}/volumes/<volume_id>", view_func=self.show)
        self.app.add_url_rule(f"{root}/volumes/<volume_id>", view_func=self.remove, methods=["DELETE"])
        self.app.add_url_rule(f"{root}/volumes/<volume_id>/action", view_func=self.act, methods=["POST"])
        self.app.add_url_rule(
            f"{root}/limits",
            "limits",
            view_func=lambda project: {
                "limits": {"absolute": {"maxTotalSnapshots": 10, "totalSnapshotsUsed": len(self.snapshots)}}
            },
        )
        self.app.add_url_rule(f"{root}/snapshots", view_func=self.freeze, methods=["POST"])
        self.app.add_url_rule(f"{root}/snapshots", view_func=self.list_snapshots)
        self.app.add_url_rule(f"{root}/snapshots/detail", "snapshots_detail", view_func=self.list_snapshots)
        self.app.add_url_rule(f"{root}/snapshots/<one>", view_func=self.show_snapshot)
        self.app.add_url_rule(f"{root}/snapshots/<one>", view_func=self.drop_snapshot, methods=["DELETE"])
        self.app.add_url_rule(f"{root}/attachments", view_func=self.attach, methods=["POST"])
        self.app.add_url_rule(f"{root}/attachments/detail", view_func=self.list_attachments)
        self.app.add_url_rule(f"{root}/attachments/<one>", view_func=self.connect, methods=["PUT"])
        self.app.add_url_rule(f"{root}/attachments/<one>", view_func=self.detach, methods=["DELETE"])
        self.app.add_url_rule(f"{root}/attachments/<one>/action", view_func=self.complete, methods=["POST"])

    def add(self, **facts: Any) -> str:
        volume_id = new_id()
        self.volumes[volume_id] = {
            "id": volume_id,
            "status": "available",
            "size": 1,
            "metadata": {},
            "bootable": "false",
            "multiattach": False,
        } | facts
        return volume_id

    def create(self, project: str) -> Any:
        wish = request.get_json()["volume"]
        volume_id = self.add(
            size=wish["size"], metadata=wish.get("metadata", {}), bootable="true" if "imageRef" in wish else "false"
        )
        return {"volume": self.volumes[volume_id]}, 202

    def detail(self, project: str) -> Any:
        return {"volumes": list(self.volumes.values())}

    def show(self, project: str, volume_id: str) -> Any:
        return {"volume": self.volumes[volume_id]} if volume_id in self.volumes else refuse(404, "Volume not found")

    def remove(self, project: str, volume_id: str) -> Any:
        known = self.volumes.get(volume_id)
        if known is None:
            return refuse(404, "Volume not found")
        if any(a["volume_id"] == volume_id for a in self.attachments.values()):
            return refuse(400, "Volume is attached")
        del self.volumes[volume_id]
        return "", 202

    def attach(self, project: str) -> Any:
        wish = request.get_json()["attachment"]
        volume = self.volumes[wish["volume_uuid"]]
        others = {a["instance"] for a in self.attachments.values() if a["volume_id"] == volume["id"]}
        if volume["status"] != "available" and others != {wish["instance_uuid"]}:
            return refuse(400, f"Volume is {volume['status']}")
        one = new_id()
        self.attachments[one] = {
            "id": one,
            "volume_id": volume["id"],
            "instance": wish["instance_uuid"],
            "status": "reserved",
        }
        self.settle(volume["id"])
        return {"attachment": self.attachments[one]}

    def settle(self, volume_id: str) -> None:
        """Its status follows from its attachments."""
        held = {a["status"] for a in self.attachments.values() if a["volume_id"] == volume_id}
        said = (("attached", "in-use"), ("attaching", "attaching"), ("reserved", "reserved"))
        self.volumes[volume_id]["status"] = next((status for one, status in said if one in held), "available")

    def freeze(self, project: str) -> Any:
        """Taken at once."""
        wish = request.get_json()["snapshot"]
        volume = self.volumes[wish["volume_id"]]
        if volume["status"] not in ("available", "in-use"):
            return refuse(400, f"Volume is {volume['status']}")
        one = new_id()
        self.snapshots[one] = {
            "id": one,
            "volume_id": volume["id"],
            "size": volume["size"],
            "status": "available",
            "name": wish["name"],
            "metadata": wish.get("metadata", {}),
        }
        return {"snapshot": self.snapshots[one] | {"status": "creating"}}, 202

    def list_snapshots(self, project: str) -> Any:
        of = request.args.get("volume_id")
        return {"snapshots": [s for s in self.snapshots.values() if of in (None, s["volume_id"])]}

    def show_snapshot(self, project: str, one: str) -> Any:
        return {"snapshot": self.snapshots[one]} if one in self.snapshots else refuse(404, "Snapshot not found")

    def drop_snapshot(self, project: str, one: str) -> Any:
        return ("", 202) if self.snapshots.pop(one, None) else refuse(404, "Snapshot not found")

    def act(self, project: str, volume_id: str) -> Any:
        """Its content becomes an image's, at once, while nobody is connected to it."""
        asked, volume = request.get_json()["os-reimage"], self.volumes[volume_id]
        if volume["status"] not in ("available", "reserved"):
            return refuse(400, f"Volume is {volume['status']}")
        volume["volume_image_metadata"] = {"image_id": asked["image_id"]}
        return "", 202

    def list_attachments(self, project: str) -> Any:
        return {"attachments": [a for a in self.attachments.values() if a["instance"] == request.args["instance_id"]]}

    def connect(self, project: str, one: str) -> Any:
        attachment = self.attachments[one]
        if attachment["status"] == "reserved":
            attachment["status"] = "attaching"
        self.settle(attachment["volume_id"])
        attachment["host"] = request.get_json()["attachment"]["connector"]["host"]
        attachment["connection_info"] = {
            "driver_volume_type": "file",
            "data": {
                "path": f"/volumes/{attachment['volume_id']}",
                "format": "raw",
                "volume_id": attachment["volume_id"],
            },
        }
        return {"attachment": attachment}

    def complete(self, project: str, one: str) -> Any:
        self.attachments[one]["status"] = "attached"
        self.settle(self.attachments[one]["volume_id"])
        return "", 204

    def detach(self, project: str, one: str) -> Any:
        gone = self.attachments.pop(one, None)
        if gone is None:
            return refuse(404, "Attachment not found")
        self.settle(gone["volume_id"])
        return {"attachments": []}
