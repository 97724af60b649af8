"""Actions on volumes: extend, upload, revert, reimage, retype, flags, image metadata, and what administrators force."""

IMAGE = "11111111-1111-4111-8111-111111111111"
NOWHERE = "99999999-9999-4999-8999-999999999999"


def test_a_volume_is_extended(world):
    made = world.volume()
    assert world.act(made["id"], "os-extend", {"new_size": 3}).status_code == 202
    assert world.show(made["id"])["status"] == "extending"
    world.drain()
    assert (world.show(made["id"])["status"], world.show(made["id"])["size"]) == ("available", 3)
    assert world.fake.disks[made["id"]] == 3 << 30
    for size in (3, 2, 0, "x", None):
        assert world.act(made["id"], "os-extend", {"new_size": size}).status_code == 400
    assert world.act(NOWHERE, "os-extend", {"new_size": 9}).status_code == 404


def test_flags_and_status_are_set(world):
    made = world.volume()
    assert world.act(made["id"], "os-set_bootable", {"bootable": True}).status_code == 200
    assert world.show(made["id"])["bootable"] == "true"
    assert world.act(made["id"], "os-update_readonly_flag", {"readonly": "true"}).status_code == 202
    assert world.show(made["id"])["metadata"] == {"readonly": "True"}
    assert world.act(made["id"], "os-reset_status", {"status": "error"}).status_code == 403
    assert world.act(made["id"], "os-reset_status", {"status": "error"}, as_=world.book.admin).status_code == 202
    assert world.show(made["id"])["status"] == "error"
    assert world.act(made["id"], "os-nonsense", {}).status_code == 400
    assert world.act(made["id"], "os-force_delete", {}, as_=world.book.admin).status_code == 202
    world.drain()
    assert not world.fake.disks


def test_image_metadata_is_set_shown_and_unset(world):
    made = world.volume()
    put = world.act(made["id"], "os-set_image_metadata", {"metadata": {"hw_disk_bus": "scsi"}})
    assert put.status_code == 200 and put.json == {"metadata": {"hw_disk_bus": "scsi"}}
    assert world.act(made["id"], "os-show_image_metadata").json == {"metadata": {"hw_disk_bus": "scsi"}}
    assert world.act(made["id"], "os-unset_image_metadata", {"key": "hw_disk_bus"}).status_code == 200
    assert world.act(made["id"], "os-unset_image_metadata", {"key": "hw_disk_bus"}).status_code == 404


def test_force_deletes_a_volume_while_a_job_works_on_it(world):
    """The disk goes although a job works on it; that job finds nothing and ends."""
    for action, asked in (("os-extend", {"new_size": 2}), ("os-volume_upload_image", {"image_name": "i"})):
        made = world.volume()["id"]
        assert world.act(made, action, asked).status_code == 202
        assert world.act(made, "os-force_delete", {}, as_=world.book.admin).status_code == 202
        world.drain()
        assert world.client.get(f"/v3/volumes/{made}").status_code == 404
    assert not world.fake.disks


def test_an_administrator_resets_a_volume_that_is_being_created(world):
    made = world.volume(drained=False)["id"]
    world.act(made, "os-reset_status", {"status": "error"}, as_=world.book.admin)
    world.drain()
    assert world.show(made)["status"] == "error" and not world.fake.disks


def test_a_volume_is_uploaded_to_an_image(world):
    volume = world.volume()
    answer = world.act(volume["id"], "os-volume_upload_image", {"image_name": "out", "disk_format": "qcow2"})
    assert answer.status_code == 202, answer.text
    view = answer.json["os-volume_upload_image"]
    assert (view["status"], view["disk_format"], view["image_name"]) == ("uploading", "qcow2", "out")
    assert world.show(volume["id"])["status"] == "uploading"
    world.drain()
    assert world.show(volume["id"])["status"] == "available"
    assert b"blank\n" in world.sent["http://image.test/write"] and world.fake.snapshots[volume["id"]] == set()
    assert world.images.config["images"][view["image_id"]]["min_disk"] == 1


def test_a_volume_is_reverted_to_its_latest_snapshot(world):
    volume = world.volume()["id"]
    first, second = world.snapshot(volume)["id"], world.snapshot(volume)["id"]
    assert world.act(volume, "revert", {"snapshot_id": second}, version="3.39").status_code == 400
    assert world.act(volume, "revert", {"snapshot_id": first}).status_code == 400
    assert world.act(volume, "revert", {"snapshot_id": NOWHERE}).status_code == 404
    assert world.act(volume, "revert", {"snapshot_id": second}).status_code == 202
    assert world.show(volume)["status"] == "reverting"
    assert world.client.get(f"/v3/snapshots/{second}").json["snapshot"]["status"] == "restoring"
    world.drain()
    assert world.show(volume)["status"] == "available" and world.fake.origins[volume] == f"snapshot {second}"
    assert world.client.get(f"/v3/snapshots/{second}").json["snapshot"]["status"] == "available"


def test_a_volume_is_reimaged(world):
    volume, image = world.volume()["id"], "11111111-1111-4111-8111-111111111111"

    def asked(version="3.68", **more):
        return world.act(volume, "os-reimage", {"image_id": image, **more}, version=version)

    assert asked("3.67").status_code == 400
    reserved = world.client.post("/v3/attachments", version="3.60", json={"attachment": {"volume_uuid": volume}})
    assert asked().status_code == 400
    assert asked(reimage_reserved=True).status_code == 202
    assert world.show(volume)["status"] == "downloading"
    world.drain()
    shown = world.show(volume)
    assert shown["status"] == "reserved" and shown["volume_image_metadata"]["image_id"] == image
    assert world.fake.origins[volume] == f"image {image}"
    world.client.delete(f"/v3/attachments/{reserved.json['attachment']['id']}", version="3.60")
    world.snapshot(volume)
    assert asked().status_code == 400


def test_a_volume_is_retyped(world):
    volume = world.volume()["id"]
    world.volume_type("other")
    assert world.act(volume, "os-retype", {"new_type": "other"}).status_code == 202
    assert world.show(volume)["volume_type"] == "other"
    assert world.act(volume, "os-retype", {"new_type": "other"}).status_code == 400
    world.volume_type("away", extra_specs={"volume_backend_name": "nothing"})
    assert world.act(volume, "os-retype", {"new_type": "away"}).status_code == 202
    assert world.show(volume)["volume_type"] == "other"
    assert world.act(volume, "os-retype", {"new_type": "unknown"}).status_code == 404


def test_actions_of_other_projects_and_readers_are_refused(world):
    volume = world.volume()["id"]
    for action, asked, version in (
        ("os-extend", {"new_size": 2}, "3.60"),
        ("os-set_bootable", {"bootable": True}, "3.60"),
        ("os-update_readonly_flag", {"readonly": True}, "3.60"),
        ("os-retype", {"new_type": "__DEFAULT__"}, "3.60"),
        ("os-reimage", {"image_id": IMAGE}, "3.68"),
        ("os-volume_upload_image", {"image_name": "i"}, "3.60"),
        ("os-set_image_metadata", {"metadata": {"a": "b"}}, "3.60"),
        ("os-show_image_metadata", None, "3.60"),
        ("os-unset_image_metadata", {"key": "a"}, "3.60"),
    ):
        assert world.act(volume, action, asked, version, as_=world.book.other).status_code == 404, action
        refused = world.act(volume, action, asked, version, as_=world.book.reader)
        assert refused.status_code == (200 if action == "os-show_image_metadata" else 403), action


def test_actions_of_later_microversions_are_unknown_before(world):
    volume = world.volume()["id"]
    for action, asked, before in (
        ("os-reimage", {"image_id": IMAGE}, "3.67"),
        ("revert", {"snapshot_id": NOWHERE}, "3.39"),
    ):
        refused = world.act(volume, action, asked, before)
        assert refused.status_code == 400 and "no such action" in refused.text


def test_bodies_that_fit_no_action_are_refused(world):
    volume = world.volume()["id"]
    for action, asked in (
        ("os-extend", {}),
        ("os-extend", {"new_size": 2, "more": 1}),
        ("os-set_bootable", {"bootable": "perhaps"}),
        ("os-update_readonly_flag", {}),
        ("os-retype", {"new_type": ""}),
        ("os-retype", {"new_type": "t", "migration_policy": "always"}),
        ("os-volume_upload_image", {}),
        ("os-volume_upload_image", {"image_name": "i", "disk_format": "iso"}),
        ("os-unset_image_metadata", {}),
        ("os-set_image_metadata", {"metadata": {"a": 1}}),
    ):
        assert world.act(volume, action, asked).status_code == 400, (action, asked)
    two = {"os-extend": {"new_size": 2}, "os-set_bootable": {"bootable": True}}
    assert world.client.post(f"/v3/volumes/{volume}/action", json=two).status_code == 400


def test_a_volume_in_use_is_uploaded_by_force_only(world):
    volume = world.volume()["id"]
    world.attach(volume)
    refused = world.act(volume, "os-volume_upload_image", {"image_name": "i"})
    assert refused.status_code == 400 and "must be available" in refused.text
    public = {"image_name": "i", "force": True, "visibility": "public"}
    assert world.act(volume, "os-volume_upload_image", public).status_code == 403
    uploaded = world.act(volume, "os-volume_upload_image", {"image_name": "i", "force": True}, version="3.0")
    assert uploaded.status_code == 202 and "visibility" not in uploaded.json["os-volume_upload_image"]
    world.drain()
    assert world.show(volume)["status"] == "in-use"


def test_a_type_that_changes_multiattach_is_refused_while_attached(world):
    volume = world.volume()["id"]
    world.volume_type("shared", extra_specs={"multiattach": "<is> True"})
    world.attach(volume)
    refused = world.act(volume, "os-retype", {"new_type": "shared"})
    assert refused.status_code == 400 and "attached volume" in refused.text
    creating = world.volume(drained=False)["id"]
    refused = world.act(creating, "os-retype", {"new_type": "shared"})
    assert refused.status_code == 400 and "must be available or in-use" in refused.text


def test_the_type_of_a_volume_in_a_group_is_kept(world):
    kind = world.volume_type("grouped")
    world.volume_type("other")
    volume = world.volume(volume_type=kind, group_id=world.group(kind)["id"])["id"]
    refused = world.act(volume, "os-retype", {"new_type": "other"})
    assert refused.status_code == 400 and "belongs to group" in refused.text
    refused = world.client.delete(f"/v3/volumes/{volume}")
    assert refused.status_code == 400 and "belongs to group" in refused.text


def test_a_volume_without_a_storage_host_is_not_reimaged(world):
    world.volume_type("nowhere", extra_specs={"volume_backend_name": "elsewhere"})
    volume = world.volume(volume_type="nowhere")["id"]
    refused = world.act(volume, "os-reimage", {"image_id": IMAGE}, version="3.68")
    assert refused.status_code == 400 and "no storage host" in refused.text


def test_resetting_to_detached_drops_attachments(world):
    volume = world.volume()["id"]
    world.attach(volume)
    reset = {"attach_status": "detached"}
    assert world.act(volume, "os-reset_status", reset, as_=world.book.admin).status_code == 202
    assert (world.show(volume)["status"], world.show(volume)["attachments"]) == ("available", [])
