"""Compute together with the real image, network and volume services, all in this process."""

import json
from contextlib import suppress
from typing import Any

from pileus_kit.testing import routed_peers


def _private(cloud: Any) -> str:
    member = cloud.book.member
    wish = {"network": {"name": "private"}}
    network = cloud.network.client.post("/v2.0/networks", json=wish, as_=member).json["network"]
    subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "10.1.0.0/24"}
    made = cloud.network.client.post("/v2.0/subnets", json={"subnet": subnet}, as_=member)
    assert made.status_code == 201, made.text
    return str(network["id"])


def test_a_server_on_a_network_from_an_image_with_a_volume(cloud: Any) -> None:
    network_id = _private(cloud)
    image = cloud.image.image(content=b"\0" * 512)
    server = cloud.create(imageRef=image["id"], networks=[{"uuid": network_id}], config_drive=True)
    assert server["status"] == "ACTIVE", server
    assert server["addresses"]["private"][0]["addr"].startswith("10.1.0.")
    guest_nics = cloud.compute.host.driver.guests_by_id[server["id"]].nics
    ports = cloud.network.client.get(f"/v2.0/ports?device_id={server['id']}", as_=cloud.book.member).json["ports"]
    assert [p["id"] for p in ports] == list(guest_nics)

    made = cloud.volume.client.post("/v3/p1/volumes", json={"volume": {"size": 1}}, as_=cloud.book.member)
    assert made.status_code == 202, made.text
    volume_id = made.json["volume"]["id"]
    cloud.drain()
    path = f"/v2.1/servers/{server['id']}/os-volume_attachments"
    answer = cloud.compute.client.post(path, json={"volumeAttachment": {"volumeId": volume_id}})
    assert answer.status_code == 200, answer.text
    cloud.drain()
    assert _volume(cloud, volume_id)["status"] == "in-use"
    assert volume_id in cloud.compute.host.driver.guests_by_id[server["id"]].volumes
    assert cloud.compute.client.delete(f"{path}/{volume_id}").status_code == 202
    cloud.drain()
    assert _volume(cloud, volume_id)["status"] == "available"

    assert cloud.compute.client.delete(f"/v2.1/servers/{server['id']}").status_code == 204
    cloud.drain()
    assert not cloud.network.client.get(f"/v2.0/ports?device_id={server['id']}", as_=cloud.book.admin).json["ports"]


def test_what_is_changed_at_a_port_shows_at_its_server(cloud: Any) -> None:
    image, member, network = cloud.image.image(content=b"\0" * 512), cloud.book.member, cloud.network
    server = cloud.create(imageRef=image["id"], networks=[{"uuid": _private(cloud)}])
    assert server["security_groups"] == [{"name": "default"}]
    group = network.made("security_group", {"name": "web"})["id"]
    port = network.client.get(f"/v2.0/ports?device_id={server['id']}", as_=member).json["ports"][0]
    for ids, names in (([*port["security_groups"], group], ["default", "web"]), ([group], ["web"]), ([], [])):
        answer = network.client.put(f"/v2.0/ports/{port['id']}", json={"port": {"security_groups": ids}}, as_=member)
        assert answer.status_code == 200, answer.text
        network.runner(routed_peers({"compute": cloud.compute.app})).drain()
        shown = cloud.compute.show(server["id"]).get("security_groups", [])
        assert [g["name"] for g in shown] == names


def _volume(cloud: Any, volume_id: str) -> dict[str, Any]:
    return dict(cloud.volume.client.get(f"/v3/p1/volumes/{volume_id}", as_=cloud.book.member).json["volume"])


def test_a_server_that_boots_from_a_volume_made_of_an_image(cloud: Any) -> None:
    image = cloud.image.image(content=b"\0" * 512)
    disk = {
        "source_type": "image",
        "destination_type": "volume",
        "uuid": image["id"],
        "volume_size": 1,
        "boot_index": 0,
        "delete_on_termination": True,
    }
    server = cloud.create(imageRef="", block_device_mapping_v2=[disk])
    assert server["status"] == "ACTIVE", server
    (attached,) = server["os-extended-volumes:volumes_attached"]
    volume = _volume(cloud, attached["id"])
    assert volume["status"] == "in-use" and [a["device"] for a in volume["attachments"]] == ["/dev/vda"]
    cloud.compute.client.delete(f"/v2.1/servers/{server['id']}")
    cloud.drain()
    assert cloud.volume.client.get(f"/v3/p1/volumes/{attached['id']}", as_=cloud.book.member).status_code == 404


def test_a_volume_that_a_shelved_server_gets_is_in_use_and_there_when_it_is_back(cloud: Any) -> None:
    image = cloud.image.image(content=b"\0" * 512)
    disk = {
        "source_type": "image",
        "destination_type": "volume",
        "uuid": image["id"],
        "volume_size": 1,
        "boot_index": 0,
        "delete_on_termination": True,
    }
    server = cloud.create(imageRef="", block_device_mapping_v2=[disk])["id"]

    def act(name: str, status: str) -> None:
        answer = cloud.compute.client.post(f"/v2.1/servers/{server}/action", json={name: None}, version="2.79")
        assert answer.status_code == 202, answer.text
        cloud.drain()
        assert cloud.compute.show(server)["status"] == status

    act("shelve", "SHELVED_OFFLOADED")
    volumes = "/v3/p1/volumes"
    made = cloud.volume.client.post(volumes, json={"volume": {"size": 1}}, as_=cloud.book.member).json["volume"]["id"]
    cloud.drain()
    path = f"/v2.1/servers/{server}/os-volume_attachments"
    attached = cloud.compute.client.post(path, json={"volumeAttachment": {"volumeId": made}}, version="2.20")
    assert attached.status_code == 200, attached.text
    cloud.drain()
    assert _volume(cloud, made)["status"] == "in-use" and _volume(cloud, made)["attachments"][0]["server_id"] == server
    act("unshelve", "ACTIVE")
    assert made in cloud.compute.host.driver.guests_by_id[server].volumes
    assert _volume(cloud, made)["status"] == "in-use"
    act("shelve", "SHELVED_OFFLOADED")
    assert cloud.compute.client.delete(f"{path}/{made}", version="2.20").status_code == 202
    cloud.drain()
    assert _volume(cloud, made)["status"] == "available"


def _from_volume(cloud: Any, **disk: Any) -> dict[str, Any]:
    image = cloud.image.image(content=b"\0" * 512, hw_disk_bus="scsi")
    root = {
        "source_type": "image",
        "destination_type": "volume",
        "uuid": image["id"],
        "volume_size": 1,
        "boot_index": 0,
        "delete_on_termination": True,
    } | disk
    return cloud.create(imageRef="", block_device_mapping_v2=[root])


def _image_of(cloud: Any, server_id: str, **wish: Any) -> dict[str, Any]:
    """As Tempest has it: by the Location before 2.45, by the body from then on."""
    path, body = f"/v2.1/servers/{server_id}/action", {"createImage": {"name": "shot"} | wish}
    answer = cloud.compute.client.post(path, json=body, version="2.44")
    assert answer.status_code == 202 and not answer.data, answer.text
    image_id = answer.headers["Location"].split("images/")[1]
    assert cloud.compute.show(server_id)["OS-EXT-STS:task_state"] == "image_snapshot"
    cloud.drain()
    return dict(cloud.image.client.get(f"/v2/images/{image_id}").json or {})


def _snapshots(cloud: Any) -> list[dict[str, Any]]:
    return list(cloud.volume.client.get("/v3/p1/snapshots/detail", as_=cloud.book.member).json["snapshots"])


def test_an_image_of_a_server_that_boots_from_a_volume_names_snapshots(cloud: Any) -> None:
    server = _from_volume(cloud)
    made = cloud.volume.client.post("/v3/p1/volumes", json={"volume": {"size": 2}}, as_=cloud.book.member)
    cloud.drain()
    path = f"/v2.1/servers/{server['id']}/os-volume_attachments"
    attach = {"volumeAttachment": {"volumeId": made.json["volume"]["id"]}}
    assert cloud.compute.client.post(path, json=attach).status_code == 200
    cloud.drain()

    assert [a["device"] for a in _volume(cloud, made.json["volume"]["id"])["attachments"]] == ["/dev/vdb"]

    image = _image_of(cloud, server["id"], metadata={"role": "web", "bdm_v2": "no", "block_device_mapping": "lies"})
    assert (image["name"], image["status"], image["size"], image["visibility"]) == ("shot", "active", 0, "private")
    assert image["root_device_name"] == "/dev/vda" and image["bdm_v2"] == "True" and image["role"] == "web"
    assert image["hw_disk_bus"] == "scsi" and image["owner"] == "p1"
    root, data = json.loads(image["block_device_mapping"])
    taken = {s["volume_id"]: s for s in _snapshots(cloud)}
    assert root | {"device_name": "?"} == {
        "source_type": "snapshot",
        "destination_type": "volume",
        "device_type": "disk",
        "disk_bus": None,
        "guest_format": None,
        "boot_index": 0,
        "device_name": "?",
        "delete_on_termination": True,
        "volume_size": 1,
        "snapshot_id": taken[server["os-extended-volumes:volumes_attached"][0]["id"]]["id"],
        "volume_id": None,
        "image_id": None,
        "no_device": None,
        "tag": None,
        "volume_type": None,
    }
    assert (data["boot_index"], data["volume_size"], data["delete_on_termination"]) == (None, 2, False)
    assert data["snapshot_id"] == taken[attach["volumeAttachment"]["volumeId"]]["id"]
    assert {s["name"] for s in taken.values()} == {"snapshot for shot"}
    answer = cloud.compute.client.post(
        f"/v2.1/servers/{server['id']}/action", version="2.45", json={"createImage": {"name": "again"}}
    )
    assert answer.status_code == 202 and list(answer.json) == ["image_id"]
    actions = cloud.compute.client.get(f"/v2.1/servers/{server['id']}/os-instance-actions").json["instanceActions"]
    assert [a["action"] for a in actions].count("createImage") == 2


def test_the_hypervisor_takes_the_snapshot_of_a_disk_that_it_has_open(cloud: Any) -> None:
    server = _from_volume(cloud)
    volume_id = server["os-extended-volumes:volumes_attached"][0]["id"]
    cloud.volume.fake.held.add(volume_id)
    driver = cloud.compute.host.driver
    take, drop = driver.snapshot_volume, driver.drop_volume_snapshot
    inside = cloud.volume.fake.snapshots.setdefault(volume_id, set())  # both fakes have the same file

    def taken(guest_id: str, volume: str, name: str) -> None:
        take(guest_id, volume, name)
        inside.add(name)

    def dropped(guest_id: str, volume: str, name: str) -> None:
        drop(guest_id, volume, name)
        inside.discard(name)

    driver.snapshot_volume, driver.drop_volume_snapshot = taken, dropped  # type: ignore[method-assign]
    image = _image_of(cloud, server["id"])
    assert image["status"] == "active" and inside == {s["id"] for s in _snapshots(cloud)} and len(inside) == 1
    assert ("snapshot_volume", server["id"]) in driver.calls
    action = f"/v2.1/servers/{server['id']}/action"
    assert cloud.compute.client.post(action, json={"createImage": {"name": "no"}}).status_code == 202
    newest = cloud.image.client.get("/v2/images?name=no").json["images"][0]["id"]
    with suppress(TimeoutError):
        cloud.compute.runner.drain(rounds=1)
    cloud.volume.drain()
    assert cloud.image.client.delete(f"/v2/images/{newest}").status_code == 204  # so that the flow fails
    cloud.drain()
    assert len(inside) == len(_snapshots(cloud)) == 1 and ("drop_volume_snapshot", server["id"]) in driver.calls


def test_a_server_boots_from_such_an_image(cloud: Any) -> None:
    """As Tempest's test_image_defined_boot_from_volume does it."""
    first = _from_volume(cloud)
    (origin,) = (_volume(cloud, v["id"]) for v in first["os-extended-volumes:volumes_attached"])
    image = _image_of(cloud, first["id"])
    (mapping,) = json.loads(image["block_device_mapping"])

    second = cloud.create(imageRef=image["id"])
    assert second["status"] == "ACTIVE" and second["image"]["id"] == image["id"], second
    (attached,) = second["os-extended-volumes:volumes_attached"]
    volume = _volume(cloud, attached["id"])
    assert volume["snapshot_id"] == mapping["snapshot_id"] and volume["attachments"][0]["server_id"] == second["id"]
    assert volume["volume_image_metadata"]["image_id"] == origin["volume_image_metadata"]["image_id"]
    third = cloud.create(
        imageRef="",
        block_device_mapping_v2=[
            {
                "source_type": "image",
                "destination_type": "volume",
                "uuid": image["id"],
                "volume_size": 3,
                "boot_index": 0,
            }
        ],
    )
    assert third["status"] == "ACTIVE"

    for server in (second, third):
        cloud.compute.client.delete(f"/v2.1/servers/{server['id']}")
    cloud.drain()
    volumes = cloud.volume.client.get("/v3/p1/volumes", as_=cloud.book.member).json["volumes"]
    assert [v["id"] for v in volumes] == [origin["id"]]
    base = origin["volume_image_metadata"]["image_id"]
    assert cloud.image.client.delete(f"/v2/images/{base}").status_code == 204  # test_images_dependency
    path = f"/v3/p1/snapshots/{mapping['snapshot_id']}"
    assert cloud.volume.client.delete(path, as_=cloud.book.member).status_code == 202
    cloud.compute.client.delete(f"/v2.1/servers/{first['id']}")
    cloud.drain()
    assert not cloud.volume.client.get("/v3/p1/volumes", as_=cloud.book.member).json["volumes"]


def test_a_volume_that_an_image_needs_stays_when_its_server_goes(cloud: Any) -> None:
    server = _from_volume(cloud)
    image = _image_of(cloud, server["id"])
    cloud.compute.client.delete(f"/v2.1/servers/{server['id']}")
    cloud.drain()
    assert cloud.compute.client.get(f"/v2.1/servers/{server['id']}").status_code == 404
    assert _volume(cloud, server["os-extended-volumes:volumes_attached"][0]["id"])["status"] == "available"
    assert cloud.create(imageRef=image["id"])["status"] == "ACTIVE"


def test_nothing_is_left_of_an_image_that_failed_or_whose_server_goes(cloud: Any) -> None:
    server = _from_volume(cloud)
    volume_id = server["os-extended-volumes:volumes_attached"][0]["id"]
    images = len(cloud.image.client.get("/v2/images").json["images"])
    action = f"/v2.1/servers/{server['id']}/action"
    shot = {"createImage": {"name": "shot"}}
    assert cloud.compute.client.post(action, json=shot, version="2.45").status_code == 202
    quota = {"quota_set": {"gigabytes": 1}}  # the snapshot counts, too
    cloud.volume.client.put("/v3/p1/os-quota-sets/p1", json=quota, as_=cloud.book.admin)
    cloud.drain()
    assert not _snapshots(cloud) and len(cloud.image.client.get("/v2/images").json["images"]) == images
    assert cloud.compute.show(server["id"])["status"] == "ACTIVE"

    quota = {"quota_set": {"gigabytes": 100, "snapshots": 0}}
    cloud.volume.client.put("/v3/p1/os-quota-sets/p1", json=quota, as_=cloud.book.admin)
    refused = cloud.compute.client.post(action, json=shot, version="2.45")
    assert refused.status_code == 403 and "snapshots" in refused.text
    quota = {"quota_set": {"snapshots": 10}}
    cloud.volume.client.put("/v3/p1/os-quota-sets/p1", json=quota, as_=cloud.book.admin)
    assert cloud.compute.client.post(action, json=shot, version="2.45").status_code == 202
    assert cloud.compute.client.delete(f"/v2.1/servers/{server['id']}").status_code == 204
    cloud.drain()
    assert not _snapshots(cloud) and len(cloud.image.client.get("/v2/images").json["images"]) == images
    assert cloud.volume.client.get(f"/v3/p1/volumes/{volume_id}", as_=cloud.book.member).status_code == 404


def test_nobody_gets_other_peoples_disks_through_an_image(cloud: Any) -> None:
    image = _image_of(cloud, _from_volume(cloud)["id"])
    private = cloud.image.image(content=b"\0" * 512)["id"]
    (snapshot,) = _snapshots(cloud)
    root = {"source_type": "snapshot", "snapshot_id": snapshot["id"], "destination_type": "volume", "boot_index": 0}
    stolen = {"source_type": "image", "uuid": private, "destination_type": "volume", "boot_index": 0, "volume_size": 1}
    mine = cloud.image.image(
        content=b"\0" * 512,
        as_=cloud.book.other,
        bdm_v2="True",
        visibility="shared",
        block_device_mapping=json.dumps([root]),
    )["id"]
    side = cloud.image.image(content=b"\0" * 512, as_=cloud.book.other, kernel_id=private)["id"]
    blank = {"source_type": "blank", "destination_type": "volume", "volume_size": 1}

    def refused(why: str, **wish: Any) -> None:
        answer = cloud.compute.client.post(
            "/v2.1/servers",
            as_=cloud.book.other,
            json={"server": {"name": "thief", "flavorRef": "1", "networks": "none"} | wish},
            version="2.79",
        )
        assert answer.status_code == 400 and why in answer.text, answer.text

    refused(f"failed to get snapshot {snapshot['id']}", imageRef=mine)
    refused(f"Image {image['id']} could not be found", imageRef=image["id"])
    refused(f"Image {private} could not be found", imageRef="", block_device_mapping_v2=[stolen])
    refused(
        f"Image {private} could not be found",
        imageRef=mine,
        block_device_mapping_v2=[blank | {"boot_index": 0}, stolen | {"boot_index": None}],
    )
    refused(f"Image {private} could not be found", imageRef=side)


def test_a_server_that_boots_from_a_volume_is_rebuilt(cloud: Any) -> None:
    """Before 2.93 with the image that it has; from then on the volume gets the content of any."""
    first, second = (cloud.image.image(content=bytes([n]) * 512)["id"] for n in (1, 2))
    disk = {"source_type": "image", "destination_type": "volume", "uuid": first, "volume_size": 1, "boot_index": 0}
    server = cloud.create(imageRef="", block_device_mapping_v2=[disk])
    (root,) = (v["id"] for v in server["os-extended-volumes:volumes_attached"])
    path = f"/v2.1/servers/{server['id']}/action"

    def rebuild(image: str, version: str) -> int:
        answer = cloud.compute.client.post(path, json={"rebuild": {"imageRef": image}}, version=version)
        if answer.status_code == 202:
            shown = cloud.compute.show(server["id"])
            assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("REBUILD", "rebuilding")
        cloud.drain()
        return int(answer.status_code)

    assert rebuild(second, "2.92") == 400
    assert rebuild(first, "2.92") == 202
    assert rebuild(second, "2.93") == 202
    shown = cloud.compute.show(server["id"])
    assert shown["status"] == "ACTIVE" and shown["image"] == "", shown.get("fault")
    volume = _volume(cloud, root)
    assert volume["status"] == "in-use" and volume["volume_image_metadata"]["image_id"] == second
    assert len(volume["attachments"]) == 1 and cloud.volume.fake.origins[root] == f"image {second}"
    large = cloud.image.image(content=b"x" * 512, min_disk=5)["id"]
    assert rebuild(large, "2.93") == 400
