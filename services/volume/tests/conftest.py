from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flask import Flask, jsonify, request

from pileus_kit.testing import TokenBook
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_volume.testing import VolumeFixture

IMAGE = "11111111-1111-4111-8111-111111111111"


def image_app() -> Flask:
    """An image service that knows one image, creates tickets and accepts new images."""
    app = Flask("images")
    app.config["images"] = {
        IMAGE: {
            "id": IMAGE,
            "name": "tiny",
            "status": "active",
            "disk_format": "qcow2",
            "container_format": "bare",
            "size": 1000,
            "virtual_size": 50 << 20,
            "min_disk": 0,
            "min_ram": 64,
            "os_hash_algo": "sha512",
            "os_hash_value": "ab" * 64,
            "checksum": "cd" * 16,
            "os_distro": "pileus",
        }
    }

    @app.get("/v2/images/<image_id>")
    def show(image_id: str) -> Any:
        image = app.config["images"].get(image_id)
        return (jsonify(image), 200) if image else ({"message": "no image"}, 404)

    @app.post("/v2/images")
    def make() -> Any:
        image = {"id": "22222222-2222-4222-8222-222222222222", "status": "queued", **request.get_json()}
        app.config["images"][image["id"]] = image
        return jsonify(image), 201

    @app.delete("/v2/images/<image_id>")
    def delete(image_id: str) -> Any:
        return ("", 204) if app.config["images"].pop(image_id, None) else ({"message": "no image"}, 404)

    @app.post("/v2/tickets")
    def ticket() -> Any:
        asked = request.get_json()
        return {
            "url": f"http://image.test/{asked['action']}",
            "ticket": "t",
            "image": app.config["images"].get(asked["image_id"]),
        }, 201

    return app


def compute_app() -> Flask:
    """A compute service that records events and takes assisted snapshots as the test says."""
    app = Flask("compute")
    app.config.update(
        events=[],
        attached={},
        on_event=lambda event: None,
        on_snapshot=lambda volume, snapshot: None,
        on_unsnapshot=lambda volume, snapshot: None,
    )

    @app.post("/v2.1/os-server-external-events")
    def events() -> Any:
        for event in request.get_json()["events"]:
            app.config["events"].append(event)
            app.config["on_event"](event)
        return {"events": []}, 200

    @app.get("/v2.1/servers/<server>/os-volume_attachments/<volume>")
    def attached(server: str, volume: str) -> Any:
        known = app.config["attached"].get((server, volume))
        return ({"volumeAttachment": {"attachment_id": known}}, 200) if known else ({"itemNotFound": {}}, 404)

    @app.post("/v2.1/os-assisted-volume-snapshots")
    def snapshot() -> Any:
        asked = request.get_json()["snapshot"]
        app.config["on_snapshot"](asked["volume_id"], asked["create_info"]["snapshot_id"])
        return {"snapshot": {"id": asked["create_info"]["snapshot_id"], "volumeId": asked["volume_id"]}}, 200

    @app.delete("/v2.1/os-assisted-volume-snapshots/<snapshot_id>")
    def unsnapshot(snapshot_id: str) -> Any:
        import json

        app.config["on_unsnapshot"](json.loads(request.args["delete_info"])["volume_id"], snapshot_id)
        return "", 204

    return app


class World(VolumeFixture):
    """The service with an image and a compute service, and shorthands for requests."""

    def __init__(self, more: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        self.images, self.compute = image_app(), compute_app()
        super().__init__(apps={"image": self.images, "compute": self.compute, **(more or {})}, **kwargs)

    def volume(self, drained: bool = True, **asked: Any) -> dict[str, Any]:
        answer = self.client.post("/v3/p1/volumes", json={"volume": {"size": 1, **asked}}, version="3.60")
        assert answer.status_code == 202, answer.text
        if not drained:
            return answer.json["volume"]
        self.drain()
        return self.show(answer.json["volume"]["id"])

    def show(self, volume_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v3/p1/volumes/{volume_id}", version="3.65", as_=self.book.admin)
        assert answer.status_code == 200, answer.text
        return answer.json["volume"]

    def snapshot(self, volume_id: str, drained: bool = True, **asked: Any) -> dict[str, Any]:
        answer = self.client.post("/v3/p1/snapshots", json={"snapshot": {"volume_id": volume_id, **asked}})
        assert answer.status_code == 202, answer.text
        if drained:
            self.drain()
        return self.client.get(f"/v3/p1/snapshots/{answer.json['snapshot']['id']}").json["snapshot"]

    def volume_type(self, name: str = "t", **asked: Any) -> str:
        body = {"volume_type": {"name": name, **asked}}
        return str(self.client.post("/v3/types", json=body, as_=self.book.admin).json["volume_type"]["id"])

    def group(self, *volume_types: str, kind: str = "g", name: str = "group", **specs: str) -> dict[str, Any]:
        """Create a group; its group type is created with these specs if it doesn't exist."""
        self.client.post(
            "/v3/group_types",
            json={"group_type": {"name": kind, "group_specs": specs}},
            version="3.70",
            as_=self.book.admin,
        )
        answer = self.client.post(
            "/v3/p1/groups",
            version="3.70",
            json={"group": {"group_type": kind, "volume_types": list(volume_types), "name": name}},
        )
        assert answer.status_code == 202, answer.text
        return self.show_group(answer.json["group"]["id"])

    def show_group(self, group_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v3/p1/groups/{group_id}?list_volume=true", version="3.70")
        assert answer.status_code == 200, answer.text
        return answer.json["group"]

    def snapshot_group(self, group_id: str, drained: bool = True, **asked: Any) -> dict[str, Any]:
        answer = self.client.post(
            "/v3/p1/group_snapshots", version="3.70", json={"group_snapshot": {"group_id": group_id, **asked}}
        )
        assert answer.status_code == 202, answer.text
        if not drained:
            return answer.json["group_snapshot"]
        self.drain()
        return self.show_group_snapshot(answer.json["group_snapshot"]["id"])

    def show_group_snapshot(self, group_snapshot_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v3/p1/group_snapshots/{group_snapshot_id}", version="3.70")
        assert answer.status_code == 200, answer.text
        return answer.json["group_snapshot"]

    def copy_group(self, **source: str) -> Any:
        return self.client.post(
            "/v3/p1/groups/action", json={"create-from-src": {"name": "copy", **source}}, version="3.70"
        )

    def delete_group(self, group_id: str, with_volumes: bool = True) -> Any:
        return self.client.post(
            f"/v3/p1/groups/{group_id}/action", version="3.70", json={"delete": {"delete-volumes": with_volumes}}
        )

    def act(self, volume_id: str, action: str, body: Any = None, version: str = "3.60", as_: Any = None) -> Any:
        return self.client.post(f"/v3/volumes/{volume_id}/action", json={action: body}, version=version, as_=as_)

    def attach(
        self,
        volume_id: str,
        host: str = "host1",
        server: str = "33333333-3333-4333-8333-333333333333",
        complete: bool = True,
    ) -> dict[str, Any]:
        made = self.client.post(
            "/v3/p1/attachments",
            version="3.60",
            json={"attachment": {"volume_uuid": volume_id, "instance_uuid": server}},
        )
        assert made.status_code == 200, made.text
        path = f"/v3/p1/attachments/{made.json['attachment']['id']}"
        put = self.client.put(path, version="3.60", json={"attachment": {"connector": {"host": host}}})
        assert put.status_code == 200, put.text
        if complete:
            assert self.client.post(f"{path}/action", version="3.60", json={"os-complete": {}}).status_code == 204
        return put.json["attachment"]


class StoreWorld(World):
    """The same with a real object store beside it, for backups."""

    def __init__(self, **kwargs: Any) -> None:
        self._place = TemporaryDirectory(prefix="pileus-backups-")
        book = TokenBook()
        self.store = ObjectStoreFixture(Path(self._place.name), devices=3, book=book)
        super().__init__(more={"objectstore": self.store.app}, book=book, **kwargs)

    def close(self) -> None:
        super().close()
        self.store.close()
        self._place.cleanup()

    def back_up(self, volume_id: str, drained: bool = True, version: str = "3.70", **asked: Any) -> dict[str, Any]:
        answer = self.client.post("/v3/p1/backups", json={"backup": {"volume_id": volume_id, **asked}}, version=version)
        assert answer.status_code == 202, answer.text
        if not drained:
            return answer.json["backup"]
        self.drain()
        return self.backup(answer.json["backup"]["id"])

    def backup(self, backup_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v3/p1/backups/{backup_id}", version="3.70")
        assert answer.status_code == 200, answer.text
        return answer.json["backup"]

    def objects(self, container: str = "volumebackups") -> list[str]:
        self.store.drain()
        answer = self.store.client.get(f"/v1/AUTH_p1/{container}?format=json", as_=self.book.member)
        return [entry["name"] for entry in answer.json] if answer.status_code == 200 else []


@pytest.fixture
def stored() -> Iterator[StoreWorld]:
    with StoreWorld() as fixture:
        yield fixture


@pytest.fixture
def store_worlds() -> type[StoreWorld]:
    return StoreWorld


@pytest.fixture
def world() -> Iterator[World]:
    with World() as fixture:
        yield fixture


@pytest.fixture
def worlds() -> type[World]:
    """The class, for tests that need several."""
    return World
