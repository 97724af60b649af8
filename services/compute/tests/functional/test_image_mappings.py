"""Images that say themselves which disks a server gets: how they mix with a request, and what users may write there."""

import json
from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture
from pileus_kit.db import new_id

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
MAPPED = "66666666-6666-4666-8666-666666666666"


@pytest.fixture
def snapshot(volume: Any) -> str:
    """One of 2 GiB."""
    one = new_id()
    volume.snapshots[one] = {
        "id": one,
        "volume_id": volume.add(size=2),
        "size": 2,
        "status": "available",
        "metadata": {},
    }
    return one


def root(snapshot_id: Any, **more: Any) -> dict[str, Any]:
    return {
        "source_type": "snapshot",
        "destination_type": "volume",
        "snapshot_id": snapshot_id,
        "boot_index": 0,
        "device_name": "/dev/vda",
        "delete_on_termination": True,
        "volume_size": 2,
    } | more


def mapped(image: Any, mappings: Any, **more: Any) -> str:
    text = mappings if isinstance(mappings, str) else json.dumps(mappings)
    facts = {
        "bdm_v2": "True",
        "root_device_name": "/dev/vda",
        "block_device_mapping": text,
        "size": 0,
        "virtual_size": 0,
        "disk_format": "raw",
    }
    return str(image.add(MAPPED, **facts | more))


def ask(compute: ComputeFixture, image_id: str, disks: list[dict[str, Any]] | None = None, **more: Any) -> Any:
    wish = {"name": "s", "flavorRef": "1", "imageRef": image_id, "networks": "none"} | more
    if disks is not None:
        wish["block_device_mapping_v2"] = disks
    return compute.client.post("/v2.1/servers", json={"server": wish}, version="2.79")


def volumes_of(compute: ComputeFixture, answer: Any) -> list[str]:
    assert answer.status_code == 202, answer.text
    compute.drain()
    view = compute.show(answer.json["server"]["id"])
    assert view["status"] == "ACTIVE", view
    return [v["id"] for v in view["os-extended-volumes:volumes_attached"]]


def test_the_image_s_disks_are_made(compute: ComputeFixture, image: Any, volume: Any, snapshot: str) -> None:
    blank = {
        "source_type": "blank",
        "destination_type": "volume",
        "volume_size": 5,
        "boot_index": None,
        "tag": None,
        "device_name": "/dev/vdb",
        "no_device": None,
        "image_id": None,
    }
    before = set(volume.volumes)
    made = volumes_of(compute, ask(compute, mapped(image, [root(snapshot), blank], hw_disk_bus="scsi")))
    assert sorted(volume.volumes[v]["size"] for v in made) == [2, 5] and set(volume.volumes) == before | set(made)


def test_the_request_wins_by_device_or_place(compute: ComputeFixture, image: Any, volume: Any, snapshot: str) -> None:
    blank = {"source_type": "blank", "destination_type": "volume", "volume_size": 5, "device_name": "/dev/vdb"}
    image_id = mapped(image, [root(snapshot), blank])
    local = {"source_type": "image", "destination_type": "local", "uuid": image_id, "boot_index": 0}
    assert len(volumes_of(compute, ask(compute, image_id, [local]))) == 2  # as the openstack command writes it
    larger = blank | {"volume_size": 7, "device_name": "vdb"}
    made = volumes_of(compute, ask(compute, image_id, [larger]))
    assert sorted(volume.volumes[v]["size"] for v in made) == [2, 7]
    assert len(volumes_of(compute, ask(compute, image_id, [{"device_name": "/dev/vdb", "no_device": True}]))) == 1
    own = {"source_type": "volume", "destination_type": "volume", "uuid": volume.add(bootable="true"), "boot_index": 0}
    made = volumes_of(compute, ask(compute, image_id, [own]))
    assert own["uuid"] in made and len(made) == 2
    assert ask(compute, image_id, [blank | {"device_name": "/dev/vda"}]).status_code == 400  # then nothing boots


def test_the_first_form(compute: ComputeFixture, image: Any, volume: Any, snapshot: str) -> None:
    old = [{"device_name": "vda", "snapshot_id": snapshot, "delete_on_termination": "1"}]
    (made,) = volumes_of(compute, ask(compute, mapped(image, old, bdm_v2="0")))
    assert volume.volumes[made]["size"] == 2


HOSTILE: list[Any] = [
    "{",
    "nonsense",
    "null",
    "7",
    '"text"',
    "{}",
    "[" * 50_000,
    [1],
    ["x"],
    [[]],
    [None],
    [{}],
    [{"source_type": 1}],
    [{"source_type": "tape"}],
    [{"boot_index": 0}],
    [{"unknown": "x"}],
    [{"source_type": "volume"}],
    [{"source_type": "snapshot", "boot_index": 0}],
    [root("not-an-id")],
    [root("..")],
    [root(7)],
    [root(["x"])],
    [root({})],
    [root(new_id())],
    [root(None, uuid="..")],
    [root(None, uuid="../../limits")],
    [root(None, uuid="a" * 255)],
    [root("SNAPSHOT", volume_size=-1)],
    [root("SNAPSHOT", volume_size=0)],
    [root("SNAPSHOT", volume_size=1)],
    [root("SNAPSHOT", volume_size=10**30)],
    [root("SNAPSHOT", volume_size="9" * 5000)],
    [root("SNAPSHOT", volume_size="2 ")],
    [root("SNAPSHOT", volume_size=2.5)],
    [root("SNAPSHOT", volume_size=[2])],
    [root("SNAPSHOT", volume_size=True)],
    [root("SNAPSHOT", boot_index=10**30)],
    [root("SNAPSHOT", boot_index="x")],
    [root("SNAPSHOT", boot_index="9" * 5000)],
    [root("SNAPSHOT", boot_index={})],
    [root("SNAPSHOT", device_name="d" * 255)],
    [root("SNAPSHOT", device_name="/dev/vd\0")],
    [root("SNAPSHOT", device_name=5)],
    [root("SNAPSHOT", delete_on_termination="perhaps")],
    [root("SNAPSHOT", delete_on_termination=[])],
    [root("SNAPSHOT", tag="x" * 61)],
    [root("SNAPSHOT", tag=1)],
    [root("SNAPSHOT", volume_type="t" * 256)],
    [root("SNAPSHOT", volume_type={})],
    [root("SNAPSHOT", destination_type="local")],
    [root("SNAPSHOT", guest_format="x" * 256)],
    [root("SNAPSHOT"), root("SNAPSHOT")],
    [root("SNAPSHOT") for _ in range(300)],
    [root("SNAPSHOT")] + [{"source_type": "blank", "destination_type": "volume", "volume_size": 1}] * 64,
    [{"source_type": "image", "destination_type": "local", "uuid": IMAGE_ID, "boot_index": 0}],
    [{"source_type": "image", "destination_type": "volume", "uuid": MAPPED, "boot_index": 0, "volume_size": 1}],
    [root("SNAPSHOT"), {"source_type": "blank", "destination_type": "local", "volume_size": 100}],
    [root("SNAPSHOT"), {"source_type": "volume", "destination_type": "volume", "uuid": new_id()}],
]


@pytest.mark.parametrize("form", ["True", "no"])
def test_whatever_a_user_writes_is_answered(compute: ComputeFixture, image: Any, snapshot: str, form: str) -> None:
    """The first form takes no notice of some things that the second one knows; the second one refuses all of this."""
    quota = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
    assert compute.client.put("/v2.1/os-quota-sets/p1", json=quota, as_=compute.book.admin).status_code == 200
    known = compute.server(imageRef=IMAGE_ID)["id"]
    for mappings in HOSTILE:
        text = (mappings if isinstance(mappings, str) else json.dumps(mappings)).replace("SNAPSHOT", snapshot)
        image_id = mapped(image, text, bdm_v2=form)
        answer = ask(compute, image_id)
        assert answer.status_code == 400 or (answer.status_code == 202 and form == "no"), (text[:300], answer.text)
        if answer.status_code == 400:
            assert 20 < len(answer.json["badRequest"]["message"]) < 700, text[:300]
        for action in ({"rebuild": {"imageRef": image_id}}, {"rescue": {"rescue_image_ref": image_id}}):
            answer = compute.client.post(f"/v2.1/servers/{known}/action", json=action, version="2.93")
            assert answer.status_code < 500, (text[:300], answer.text)


def test_a_refusal_says_what_is_wrong(compute: ComputeFixture, image: Any, volume: Any, snapshot: str) -> None:
    def why(mappings: Any) -> str:
        answer = ask(compute, mapped(image, mappings))
        assert answer.status_code == 400
        return str(answer.json["badRequest"]["message"])

    assert why("{").endswith(f"block_device_mapping of image {MAPPED} is not JSON.")
    assert why("{}").endswith("must be a list.")
    assert "0/volume_size. -1 is less than the minimum of 1" in why([root(snapshot, volume_size=-1)])
    assert "has 2 GiB, and a volume of 1 GiB" in why([root(snapshot, volume_size=1)])
    missing = new_id()
    assert f"failed to get snapshot {missing}" in why([root(missing)])
    volume.snapshots[snapshot]["status"] = "error"
    assert "must be available, and is error" in why([root(snapshot)])


def test_an_image_without_data_fills_no_disk(compute: ComputeFixture, image: Any, snapshot: str) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    image_id = mapped(image, [root(snapshot)])
    for action in ({"rebuild": {"imageRef": image_id}}, {"rescue": {"rescue_image_ref": image_id}}):
        answer = compute.client.post(f"/v2.1/servers/{server}/action", json=action, version="2.93")
        assert answer.status_code == 400 and "has no data" in answer.text
    copied = {"source_type": "image", "destination_type": "volume", "uuid": image_id, "volume_size": 2}
    assert "has no data" in ask(compute, IMAGE_ID, [copied]).text


def test_it_must_fit(compute: ComputeFixture, image: Any, snapshot: str) -> None:
    assert ask(compute, mapped(image, [root(snapshot)], min_ram=10**6)).status_code == 400
    assert ask(compute, mapped(image, [root(snapshot)], min_disk=3)).status_code == 400
    assert ask(compute, mapped(image, [root(snapshot, volume_size=3)], min_disk=3)).status_code == 202


def test_numbers_that_no_column_holds(compute: ComputeFixture, volume: Any) -> None:
    disk = {"source_type": "volume", "destination_type": "volume", "uuid": volume.add(bootable="true")}
    for index in (10**30, "9" * 30, "9" * 5000):
        assert ask(compute, "", [disk | {"boot_index": index}]).status_code == 400
    assert ask(compute, "", [disk | {"boot_index": 0, "uuid": ".."}]).status_code == 400


def test_what_a_volume_remembers_of_its_image_may_be_any_text(compute: ComputeFixture, volume: Any) -> None:
    meta = {"min_ram": "lots", "min_disk": "much", "auto_disk_config_name": "x" * 99, "hw_disk_bus": "virtio"}
    disk = {
        "source_type": "volume",
        "destination_type": "volume",
        "boot_index": 0,
        "uuid": volume.add(bootable="true", volume_image_metadata=meta),
    }
    answer = ask(compute, "", [disk])
    volumes_of(compute, answer)
    compute.flavor("2", vcpus=2)
    server = answer.json["server"]["id"]
    compute.act(server, "createImage", {"name": "shot"})
    compute.act(server, "resize", {"flavorRef": "2"})


def test_a_volume_is_one_server_s(compute: ComputeFixture, image: Any, volume: Any, snapshot: str) -> None:
    disk = {"source_type": "volume", "destination_type": "volume", "uuid": volume.add(bootable="true"), "boot_index": 0}
    assert "multiple instances" in ask(compute, "", [disk], min_count=2).text
    assert "multiple instances" in ask(compute, mapped(image, [disk]), max_count=2).text
    assert ask(compute, mapped(image, [root(snapshot)]), min_count=2).status_code == 202


def test_no_backup_of_a_server_that_boots_from_a_volume(compute: ComputeFixture, volume: Any) -> None:
    disk = {"source_type": "volume", "destination_type": "volume", "uuid": volume.add(bootable="true"), "boot_index": 0}
    server = compute.server(imageRef="", block_device_mapping_v2=[disk])["id"]
    answer = compute.act(server, "createBackup", {"name": "b", "backup_type": "daily", "rotation": 1}, status=400)
    assert "not supported to backup volume backed instance" in answer.text


def test_quiescing_that_is_required_can_t_be_had(compute: ComputeFixture, volume: Any) -> None:
    disk = {
        "source_type": "volume",
        "destination_type": "volume",
        "boot_index": 0,
        "uuid": volume.add(bootable="true", volume_image_metadata={"os_require_quiesce": "yes"}),
    }
    server = compute.server(imageRef="", block_device_mapping_v2=[disk])["id"]
    assert "Quiescing" in compute.act(server, "createImage", {"name": "shot"}, status=400).text
    compute.act(server, "os-stop")
    compute.act(server, "createImage", {"name": "shot"})
    assert len(volume.snapshots) == 1
