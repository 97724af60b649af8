"""Attachments (3.27): create, update, complete, list, delete."""

from pileus_volume.db.models import Attachment

SERVER = "33333333-3333-4333-8333-333333333333"
OTHER = "44444444-4444-4444-8444-444444444444"


def body(volume, server=SERVER, **more):
    return {"attachment": {"volume_uuid": volume["id"], "instance_uuid": server, **more}}


def test_a_guest_on_the_same_host_opens_the_file(world):
    volume = world.volume()
    made = world.client.post("/v3/p1/attachments", json=body(volume), version="3.54").json["attachment"]
    assert (made["status"], made["attach_mode"], made["connection_info"]) == ("reserved", "rw", {})
    assert world.show(volume["id"])["status"] == "reserved"
    path = f"/v3/p1/attachments/{made['id']}"
    connector = {
        "host": "host1",
        "multipath": False,
        "platform": "x86_64",
        "os_type": "linux",
        "mountpoint": "/dev/vdb",
    }
    put = world.client.put(path, json={"attachment": {"connector": connector}}, version="3.44").json["attachment"]
    info = put["connection_info"]
    assert info["driver_volume_type"] == "file" and info["data"]["format"] == "raw"
    assert info["data"]["path"] == f"/fake/volumes/volume-{volume['id']}" and info["data"]["volume_id"] == volume["id"]
    assert info["attachment_id"] == made["id"] and info["access_mode"] == "rw"
    assert (put["status"], world.show(volume["id"])["status"]) == ("attaching", "attaching")
    assert world.client.post(f"{path}/action", json={"os-complete": {}}, version="3.44").status_code == 204
    shown = world.show(volume["id"])
    assert shown["status"] == "in-use" and shown["attachments"][0]["server_id"] == SERVER
    assert shown["attachments"][0]["device"] == "/dev/vdb" and shown["attachments"][0]["attachment_id"] == made["id"]
    assert world.client.delete(f"/v3/p1/volumes/{volume['id']}").status_code == 400
    assert world.client.delete(path, version="3.27").json == {"attachments": []}
    assert world.show(volume["id"])["status"] == "available"
    assert world.client.get(path, version="3.27").status_code == 404
    world.drain()
    assert world.fake.exports == {}


def test_a_guest_elsewhere_gets_nbd_at_once_and_the_export_soon(world):
    volume = world.volume()
    info = world.attach(volume["id"], host="elsewhere")["connection_info"]["data"]
    assert (info["host"], info["port"], info["tls"]) == ("127.0.0.1", 10809, False)
    assert len(info["export"]) > 60 and world.fake.exports == {}
    world.drain()
    (export,) = world.fake.exports.values()
    assert (export.name, export.volume_id, export.writable) == (info["export"], volume["id"], True)
    attachment = world.show(volume["id"])["attachments"][0]["attachment_id"]
    world.client.delete(f"/v3/p1/attachments/{attachment}", version="3.60")
    world.drain()
    assert world.fake.exports == {}


def connect(world, attachment, host, as_):
    body = {"attachment": {"connector": {"host": host}}}
    return world.client.put(f"/v3/p1/attachments/{attachment}", json=body, version="3.60", as_=as_)


def reserve(world):
    made = world.client.post("/v3/p1/attachments", json=body(world.volume()), version="3.60").json["attachment"]
    return made["id"]


def test_with_tls_each_machine_has_its_exports_at_a_port_of_its_own(world):
    world.add_host("host1", nbd="192.0.2.1:13000", nbd_tls="/certificates")
    ids = [reserve(world) for _ in range(3)]
    ports = {}
    for attachment, host in zip(ids, ("m2", "m3", "m2"), strict=True):
        connected = connect(world, attachment, host, world.book.service).json["attachment"]["connection_info"]
        assert (connected["host"], connected["tls"]) == ("192.0.2.1", True)
        ports.setdefault(host, set()).add(connected["port"])
    assert ports == {"m2": {13000}, "m3": {13001}}
    world.drain()
    served = {(export.client, export.port, export.attachment_id) for export in world.fake.exports.values()}
    assert served == {("m2", 13000, ids[0]), ("m3", 13001, ids[1]), ("m2", 13000, ids[2])}
    for attachment in (ids[0], ids[2]):
        world.client.delete(f"/v3/p1/attachments/{attachment}", version="3.60", as_=world.book.service)
    again = connect(world, reserve(world), "m4", world.book.service).json["attachment"]["connection_info"]
    assert again["port"] == 13000, "a machine without exports needs no port"


def test_a_user_names_no_machine_that_a_volume_is_served_to(world):
    """Each would be a process on the storage host."""
    world.add_host("host1", nbd="192.0.2.1:13000", nbd_tls="/certificates")
    attachment = reserve(world)
    refused = connect(world, attachment, "m2", world.book.member)
    assert refused.status_code == 400 and "attach it to a server" in refused.json["badRequest"]["message"]
    assert connect(world, attachment, "host1", world.book.member).status_code == 200, "its file is on that machine"


def test_administrators_find_what_a_machine_has(world):
    first, second = world.volume(), world.volume()
    made = world.attach(first["id"], host="m2")
    world.attach(second["id"], host="m3")
    path = "/v3/p1/attachments?all_tenants=1&attached_host=m2"
    found = world.client.get(path, version="3.60", as_=world.book.admin).json["attachments"]
    assert [row["id"] for row in found] == [made["id"]]


def test_an_agent_that_restarts_serves_its_exports_again(world):
    volume = world.volume()
    world.attach(volume["id"], host="elsewhere")
    world.drain()
    world.add_host("host1")  # a new process that knows nothing
    (export,) = world.fake.exports.values()
    assert export.volume_id == volume["id"]


def test_a_volume_is_attached_to_one_server_only(world):
    volume = world.volume()
    world.attach(volume["id"], complete=False)
    again = world.client.post("/v3/p1/attachments", json=body(volume, OTHER), version="3.60")
    assert again.status_code == 400 and "must be available" in again.json["badRequest"]["message"]


def test_multiattach_goes_over_nbd_so_that_one_process_writes(world):
    made = world.client.post(
        "/v3/p1/types",
        as_=world.book.admin,
        json={"volume_type": {"name": "shared", "extra_specs": {"multiattach": "<is> True"}}},
    )
    assert made.status_code == 200, made.text
    volume = world.volume(volume_type="shared")
    assert volume["multiattach"] is True
    first = world.attach(volume["id"], server=SERVER)
    second = world.attach(volume["id"], server=OTHER)
    assert first["connection_info"]["driver_volume_type"] == second["connection_info"]["driver_volume_type"] == "nbd"
    assert len(world.show(volume["id"])["attachments"]) == 2
    world.client.delete(f"/v3/p1/attachments/{first['id']}", version="3.60")
    assert world.show(volume["id"])["status"] == "in-use"
    world.client.delete(f"/v3/p1/attachments/{second['id']}", version="3.60")
    assert world.show(volume["id"])["status"] == "available"


def test_lists_and_refusals(world):
    volume = world.volume()
    made = world.attach(volume["id"])
    found = world.client.get(f"/v3/p1/attachments?volume_id={volume['id']}", version="3.60").json["attachments"]
    assert found == [{"id": made["id"], "instance": SERVER, "status": "attached", "volume_id": volume["id"]}]
    assert world.client.get("/v3/attachments/detail", version="3.60").json["attachments"][0]["attach_mode"] == "rw"
    assert world.client.get(f"/v3/attachments?instance_id={OTHER}", version="3.60").json == {"attachments": []}
    assert world.client.get("/v3/attachments", version="3.26").status_code == 404
    assert world.client.get("/v3/attachments", version="3.60", as_=world.book.other).json == {"attachments": []}
    path = f"/v3/attachments/{made['id']}"
    assert world.client.get(path, version="3.60", as_=world.book.other).status_code == 404
    assert world.client.get(path, version="3.60", as_=world.book.reader).json["attachment"]["connection_info"] == {}
    for bad in (
        {},
        {"attachment": {"connector": {}}},
        {"attachment": {"connector": {"x": 1}}},
        {"attachment": {"connector": {"host": 5}}},
        {"attachment": {"connector": {"host": "h" * 256}}},
        {"attachment": {"connector": {"host": "host1", "mountpoint": {"x": 1}}}},
    ):
        assert world.client.put(path, json=bad, version="3.60").status_code == 400
    for bad in ({"attachment": {}}, {"attachment": {"volume_uuid": "x"}}, body(volume, unknown=1)):
        assert world.client.post("/v3/attachments", json=bad, version="3.60").status_code == 400


def test_a_volume_that_a_guest_has_open_is_extended_by_its_hypervisor(world):
    volume = world.volume()["id"]
    world.attach(volume)
    world.fake.held.add(volume)
    assert world.act(volume, "os-extend", {"new_size": 2}, version="3.41").status_code == 400
    assert world.act(volume, "os-extend", {"new_size": 2}).status_code == 202

    def guest_grows(event):
        assert (event["name"], event["tag"], event["server_uuid"]) == ("volume-extended", volume, SERVER)
        world.fake.disks[volume] = world.show(volume)["size"] << 30

    world.compute.config["on_event"] = guest_grows
    world.drain()
    assert (world.show(volume)["status"], world.show(volume)["size"]) == ("in-use", 2)


def test_a_volume_that_is_attached_over_nbd_is_not_extended(world):
    volume = world.volume()["id"]
    world.attach(volume, host="elsewhere")
    answer = world.act(volume, "os-extend", {"new_size": 2})
    assert answer.status_code == 400 and "over the network" in answer.json["badRequest"]["message"]


def test_a_servers_disk_is_detached_through_compute_only(world):
    volume = world.volume()["id"]
    made = world.attach(volume)
    world.compute.config["attached"][SERVER, volume] = made["id"]
    path = f"/v3/attachments/{made['id']}"
    refused = world.client.delete(path, version="3.60")
    assert refused.status_code == 409 and "using the Compute API" in refused.json["conflictingRequest"]["message"]
    assert world.act(volume, "os-detach", {"attachment_id": made["id"]}).status_code == 409
    other = world.volume()["id"]
    elsewhere = world.attach(other)["id"]
    mismatch = world.act(volume, "os-detach", {"attachment_id": elsewhere})
    assert mismatch.status_code == 400 and f"is of volume {other}" in mismatch.json["badRequest"]["message"]
    assert world.act(volume, "os-detach", {"attachment_id": SERVER}).status_code == 404
    assert world.act(volume, "os-force_detach", {}, as_=world.book.admin).status_code == 409
    assert world.act(volume, "os-terminate_connection", {"connector": {"host": "host1"}}).status_code == 409
    assert world.client.get(path, version="3.60").json["attachment"]["connection_info"] == {}
    assert world.client.get(path, version="3.60", as_=world.book.service).json["attachment"]["connection_info"]
    on_behalf = {"X-Service-Token": world.book.service.token}
    assert world.client.delete(path, version="3.60", headers=on_behalf).status_code == 200
    assert world.show(volume)["status"] == "available"


def test_microversions(world):
    volume = world.volume()
    read_only = body(volume, mode="ro")
    assert world.client.post("/v3/attachments", json=read_only, version="3.53").status_code == 400
    made = world.client.post("/v3/attachments", json=read_only, version="3.54").json["attachment"]
    assert made["attach_mode"] == "ro"
    path = f"/v3/attachments/{made['id']}/action"
    assert world.client.post(path, json={"os-complete": {}}, version="3.43").status_code == 404
    assert world.client.post(path, json={"os-incomplete": {}}, version="3.44").status_code == 400


def test_a_read_only_volume_is_not_attached_for_writing(world):
    volume = world.volume()
    world.act(volume["id"], "os-update_readonly_flag", {"readonly": True})
    refused = world.client.post("/v3/attachments", json=body(volume, mode="rw"), version="3.54")
    assert refused.status_code == 400 and "read-only" in refused.text
    made = world.client.post("/v3/attachments", json=body(volume), version="3.54")
    assert made.json["attachment"]["attach_mode"] == "ro"


def test_volumes_that_cannot_be_connected(world):
    nowhere = world.volume_type("nowhere", extra_specs={"volume_backend_name": "elsewhere"})
    volume = world.volume(volume_type=nowhere)
    world.act(volume["id"], "os-reset_status", {"status": "available"}, as_=world.book.admin)
    asked = body(volume, connector={"host": "host1"})
    refused = world.client.post("/v3/attachments", json=asked, version="3.54")
    assert refused.status_code == 400 and "no storage host" in refused.text
    creating = world.volume(drained=False)
    refused = world.client.post("/v3/attachments", json=body(creating), version="3.54")
    assert refused.status_code == 400 and "must be available" in refused.text


def test_an_attachment_of_an_odd_status_is_not_completed(world):
    volume = world.volume()
    made = world.attach(volume["id"])
    with world.sessions.begin() as session:
        session.get(Attachment, made["id"]).attach_status = "detaching"
    path = f"/v3/attachments/{made['id']}/action"
    refused = world.client.post(path, json={"os-complete": {}}, version="3.44")
    assert refused.status_code == 400 and "can't be completed" in refused.text
