"""Every id that a request of compute may name, replaced by one of another project's: as good as one that nobody has.

Not only is it refused: the answer is word for word the one that an invented id gets, so that nobody learns what exists.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pytest

from pileus_compute.core import flavors
from pileus_compute.core.flavors import NewFlavor
from pileus_kit.db import new_id

SECRET = "secret-of-p2"


@dataclass(frozen=True)
class Things:
    """An id (for keypairs a name, for floating IPs an address) of each kind."""

    image: str
    flavor: str
    network: str
    port: str
    security_group: str
    volume: str
    snapshot: str
    keypair: str
    server: str
    server_group: str
    floating: str


Place = tuple[str, str, Any, str]
"""Method, path below /v2.1 (`SERVER` is the caller's own), body, microversion."""


def create(field: str, value: Any, **more: Any) -> Place:
    body = {"name": "s", "flavorRef": "1", "imageRef": "IMAGE", "networks": "none", field: value} | more
    return "POST", "/servers", {"server": body}, "2.79"


def action(name: str, value: Any, version: str = "2.79") -> Place:
    return "POST", "/servers/SERVER/action", {name: value}, version


def disk(source: str, uuid: str, **more: Any) -> Place:
    mapping = {"source_type": source, "destination_type": "volume", "uuid": uuid, "volume_size": 1, "boot_index": 0}
    return create("block_device_mapping_v2", [mapping | more], imageRef="")


def first_form(**mapping: Any) -> Place:
    body = {"name": "s", "flavorRef": "1", "block_device_mapping": [{"device_name": "vda"} | mapping]}
    return "POST", "/servers", {"server": body}, "2.1"


def below(kind: str, path: str, method: str = "GET", body: Any = None, version: str = "2.79") -> Callable[..., Place]:
    return lambda t: (method, path.replace("ID", getattr(t, kind)), body, version)


PLACES: dict[str, Callable[[Things], Place]] = {
    "create: image": lambda t: create("imageRef", t.image),
    "create: flavor": lambda t: create("flavorRef", t.flavor),
    "create: flavor by address": lambda t: create("flavorRef", f"http://localhost/flavors/{t.flavor}"),
    "create: network": lambda t: create("networks", [{"uuid": t.network}]),
    "create: port": lambda t: create("networks", [{"port": t.port}]),
    "create: security group": lambda t: create("security_groups", [{"name": t.security_group}], networks="auto"),
    "create: security group by name": lambda t: create("security_groups", [{"name": t.keypair}], networks="auto"),
    "create: keypair": lambda t: create("key_name", t.keypair),
    "create: volume": lambda t: disk("volume", t.volume),
    "create: snapshot": lambda t: disk("snapshot", t.snapshot),
    "create: image of a volume": lambda t: disk("image", t.image),
    "create: second volume": lambda t: disk("volume", t.volume, boot_index=None),
    "create: volume, first form": lambda t: first_form(volume_id=t.volume),
    "create: snapshot, first form": lambda t: first_form(snapshot_id=t.snapshot),
    "create: server group": lambda t: (
        *create("name", "s")[:2],
        create("name", "s")[2] | {"os:scheduler_hints": {"group": t.server_group}},
        "2.79",
    ),
    "rebuild: image": lambda t: action("rebuild", {"imageRef": t.image}),
    "rebuild: keypair": lambda t: action("rebuild", {"imageRef": "IMAGE", "key_name": t.keypair}),
    "rescue: image": lambda t: action("rescue", {"rescue_image_ref": t.image}),
    "resize: flavor": lambda t: action("resize", {"flavorRef": t.flavor}),
    "addFloatingIp": lambda t: action("addFloatingIp", {"address": t.floating}, "2.43"),
    "removeFloatingIp": lambda t: action("removeFloatingIp", {"address": t.floating}, "2.43"),
    "addSecurityGroup": lambda t: action("addSecurityGroup", {"name": t.security_group}),
    "removeSecurityGroup": lambda t: action("removeSecurityGroup", {"name": t.security_group}),
    "interface: network": lambda t: (
        "POST",
        "/servers/SERVER/os-interface",
        {"interfaceAttachment": {"net_id": t.network}},
        "2.79",
    ),
    "interface: port": lambda t: (
        "POST",
        "/servers/SERVER/os-interface",
        {"interfaceAttachment": {"port_id": t.port}},
        "2.79",
    ),
    "attach a volume": lambda t: (
        "POST",
        "/servers/SERVER/os-volume_attachments",
        {"volumeAttachment": {"volumeId": t.volume}},
        "2.79",
    ),
    "change an attachment": lambda t: (
        "PUT",
        f"/servers/SERVER/os-volume_attachments/{t.volume}",
        {"volumeAttachment": {"volumeId": t.volume}},
        "2.85",
    ),
    "marker of servers": below("server", "/servers?marker=ID"),
    "marker of servers in detail": below("server", "/servers/detail?marker=ID"),
    "marker of flavors": below("flavor", "/flavors?marker=ID"),
    "marker of keypairs": below("keypair", "/os-keypairs?marker=ID"),
    "marker of actions": below("server", "/servers/SERVER/os-instance-actions?marker=ID"),
    "filter by image": below("image", "/servers?image=ID"),
    "filter by flavor": below("flavor", "/servers?flavor=ID"),
    "filter by id": below("server", "/servers?uuid=ID"),
    "filter by address": below("floating", "/servers?ip=ID"),
    "legacy image": below("image", "/images/ID", version="2.1"),
    "legacy image, gone": below("image", "/images/ID", "DELETE", version="2.1"),
    "legacy image, metadata": below("image", "/images/ID/metadata", version="2.1"),
    "legacy network": below("network", "/os-networks/ID", version="2.1"),
    "legacy tenant network": below("network", "/os-tenant-networks/ID", version="2.1"),
    "legacy volume": below("volume", "/os-volumes/ID", version="2.1"),
    "legacy volume, gone": below("volume", "/os-volumes/ID", "DELETE", version="2.1"),
    "legacy snapshot": below("snapshot", "/os-snapshots/ID", version="2.1"),
    "legacy snapshot of a volume": lambda t: ("POST", "/os-snapshots", {"snapshot": {"volume_id": t.volume}}, "2.1"),
    "legacy volume of a snapshot": lambda t: (
        "POST",
        "/os-volumes",
        {"volume": {"size": 1, "snapshot_id": t.snapshot}},
        "2.1",
    ),
    "legacy security group": below("security_group", "/os-security-groups/ID", version="2.1"),
    "legacy rule": lambda t: (
        "POST",
        "/os-security-group-rules",
        {
            "security_group_rule": {
                "parent_group_id": t.security_group,
                "ip_protocol": "tcp",
                "from_port": 1,
                "to_port": 2,
            }
        },
        "2.1",
    ),
    "flavor": below("flavor", "/flavors/ID"),
    "flavor's extra specs": below("flavor", "/flavors/ID/os-extra_specs"),
    "keypair": below("keypair", "/os-keypairs/ID"),
    "keypair, gone": below("keypair", "/os-keypairs/ID", "DELETE"),
    "server group": below("server_group", "/os-server-groups/ID"),
    "server group, gone": below("server_group", "/os-server-groups/ID", "DELETE"),
    **{
        f"server: {method} {rest}": below("server", f"/servers/ID{rest}", method, body)
        for method, rest, body in (
            ("GET", "", None),
            ("PUT", "", {"server": {"name": "x"}}),
            ("DELETE", "", None),
            ("GET", "/ips", None),
            ("GET", "/metadata", None),
            ("PUT", "/metadata", {"metadata": {}}),
            ("GET", "/tags", None),
            ("PUT", "/tags/mine", None),
            ("GET", "/os-interface", None),
            ("GET", "/os-volume_attachments", None),
            ("GET", "/os-instance-actions", None),
            ("GET", "/os-security-groups", None),
            ("GET", "/topology", None),
            ("GET", "/os-server-password", None),
            ("GET", "/migrations", None),
            ("GET", "/diagnostics", None),
            ("POST", "/remote-consoles", {"remote_console": {"protocol": "vnc", "type": "novnc"}}),
            ("POST", "/action", {"os-stop": None}),
            ("POST", "/action", {"forceDelete": None}),
            ("POST", "/action", {"createImage": {"name": "x"}}),
            ("POST", "/action", {"os-getConsoleOutput": {}}),
        )
    },
}


class Two:
    """Project p2's things, the ids that nobody has, and a server of p1's that asks."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.image = cloud.image.image(content=b"\0" * 512)["id"]
        network = cloud.network.made("network", {"name": "mine"}, as_=cloud.book.member)["id"]
        cloud.network.made(
            "subnet", {"network_id": network, "ip_version": 4, "cidr": "10.1.0.0/24"}, as_=cloud.book.member
        )
        own = cloud.create(imageRef=self.image, networks=[{"uuid": network}])
        assert own["status"] == "ACTIVE", own
        self.own = own["id"]
        with cloud.compute.sessions.begin() as session:
            new = NewFlavor(id=new_id(), name=SECRET, vcpus=1, memory_mib=64, disk_gib=1, is_public=False)
            flavor = flavors.create(session, new).id
        self.foreign = self._things(flavor)
        self.nobodys = Things(**{f.name: new_id() for f in fields(Things)} | {"floating": "172.24.4.250"})

    def _things(self, flavor: str) -> Things:
        cloud, other = self.cloud, self.cloud.book.other
        made, volumes, compute = cloud.network.made, cloud.volume.client, cloud.compute.client
        outside = cloud.network.public()["id"]
        network = made("network", {"name": SECRET}, as_=other)["id"]
        made("subnet", {"network_id": network, "ip_version": 4, "cidr": "10.66.0.0/24"}, as_=other)
        wish = {"size": 1, "name": SECRET}
        volume = volumes.post("/v3/p2/volumes", json={"volume": wish}, as_=other).json["volume"]["id"]
        cloud.volume.drain()
        wish = {"volume_id": volume, "name": SECRET}
        snapshot = volumes.post("/v3/p2/snapshots", json={"snapshot": wish}, as_=other).json["snapshot"]["id"]
        cloud.volume.drain()
        image = cloud.image.image(content=b"\0" * 512, as_=other, name=SECRET)["id"]
        keypair = compute.post("/v2.1/os-keypairs", json={"keypair": {"name": SECRET}}, as_=other)
        assert keypair.status_code == 200, keypair.text
        group = {"server_group": {"name": SECRET, "policies": ["affinity"]}}
        return Things(
            image,
            flavor,
            network,
            made("port", {"network_id": network, "name": SECRET}, as_=other)["id"],
            made("security_group", {"name": SECRET}, as_=other)["id"],
            volume,
            snapshot,
            SECRET,
            cloud.compute.server(as_=other, imageRef=image, name=SECRET)["id"],
            compute.post("/v2.1/os-server-groups", json=group, as_=other).json["server_group"]["id"],
            made("floatingip", {"floating_network_id": outside}, as_=other)["floating_ip_address"],
        )

    def ask(self, place: Callable[[Things], Place], things: Things) -> tuple[int, str]:
        """The answer, with what was asked for by one name, whoever has it."""
        method, path, body, version = place(things)
        answer = self.cloud.compute.client.request(
            method,
            "/v2.1" + path.replace("SERVER", self.own),
            version=version,
            json=_filled(body, self.image) if body is not None else None,
        )
        text = answer.text
        for field in fields(Things):
            text = text.replace(getattr(things, field.name), f"<{field.name}>")
        return answer.status_code, re.sub(r"req-[0-9a-f-]{36}", "<request>", text)


def _filled(body: Any, image: str) -> Any:
    if isinstance(body, dict):
        return {key: _filled(value, image) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, image) for value in body]
    return image if body == "IMAGE" else body


@pytest.fixture(scope="module")
def two(lasting_cloud: Any) -> Two:
    return Two(lasting_cloud)


@pytest.mark.parametrize("place", PLACES)
def test_another_projects_id_is_as_good_as_none(two: Two, place: str) -> None:
    before = _state(two)
    status, said = two.ask(PLACES[place], two.foreign)
    assert (status, said) == two.ask(PLACES[place], two.nobodys)
    assert SECRET not in said
    if not place.startswith("filter"):
        assert status in (400, 403, 404), said
    assert _state(two) == before


def _state(two: Two) -> list[Any]:
    """What nobody but p2 may have changed."""
    cloud, other, mine = two.cloud, two.cloud.book.other, two.foreign
    network, volume = cloud.network.client, cloud.volume.client
    return [
        network.get(f"/v2.0/ports/{mine.port}", as_=other).json["port"],
        network.get(f"/v2.0/floatingips?floating_ip_address={mine.floating}", as_=other).json["floatingips"],
        network.get(f"/v2.0/security-groups/{mine.security_group}", as_=other).json["security_group"],
        volume.get(f"/v3/p2/volumes/{mine.volume}", as_=other).json["volume"],
        volume.get("/v3/p2/snapshots", as_=other).json["snapshots"],
        cloud.image.client.get(f"/v2/images/{mine.image}", as_=other).json,
        cloud.compute.show(mine.server, as_=other),
        cloud.compute.client.get(f"/v2.1/os-keypairs/{mine.keypair}", as_=other).json,
    ]
