"""A small world for each service: the service with a few resources that requests can name."""

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from pileus_kit.testing import TokenBook

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZ8nQmRrKkWqkD8cQkFYb3S7m6aVJt6Xx3Qh0l0mYl8"
SAMPLE = "11111111-2222-3333-4444-555555555555"


class World:
    """A service to which requests are sent as an administrator or a member.

    A world that sends another request than it was given describes it in `label_of_request` and `request_text`.
    """

    versions: list[str] = [""]
    label_of_request = request_text = ""
    root = ""

    def __init__(self, app: Flask, request: Callable[..., TestResponse], drain: Callable[[], None]) -> None:
        self.app, self._request, self._drain = app, request, drain
        self._urls = app.url_map.bind("localhost")
        self.drain = drain
        self.token: Callable[[bool], str] = lambda admin: "token-admin" if admin else "token-member"
        self.ids_by_noun: dict[str, list[str]] = {}  # by the segment of the path before the id
        self.ids_by_body_key: dict[str, list[str]] = {}  # ids to which a key in a body may refer

    def answers(self, method: str, path: str) -> bool:
        """Whether the service has a route for an operation."""
        for sample in (SAMPLE, "1"):
            try:
                self._urls.match(re.sub(r"\{[^}]*\}", sample, self._own(path)), method=method)
                return True
            except HTTPException:
                continue
        return False

    def _own(self, path: str) -> str:
        return path.replace("/v3/{project_id}/", "/v3/")

    def ids(self, template: str, parameter: str) -> list[str]:
        """The ids that a parameter of a path may have."""
        if parameter in ("project_id", "tenant_id") and "{project_id}/" in template[:20]:
            return ["p1"]
        before = template.partition("{" + parameter + "}")[0].rstrip("/").rpartition("/")[2]
        return self.ids_by_noun.get(before, [])

    def add(self, noun: str, id: str, *keys: str) -> None:
        """Let requests use an id in paths after `noun`, and for these keys in bodies."""
        self.ids_by_noun.setdefault(noun, []).append(id)
        for key in keys:
            self.ids_by_body_key.setdefault(key, []).append(id)

    def send(
        self,
        method: str,
        path: str,
        body: object,
        query: dict[str, object],
        version: str,
        admin: bool,
        headers: dict[str, object],
    ) -> TestResponse:
        """Send a request, run the jobs that it started, and return the answer."""
        answer = self._request(method, path, body, query, version, admin)
        self._drain()
        return answer

    def deviation(self, answer: TestResponse) -> str:
        """Why the answer is wrong in a way that no schema describes; "" if nothing is wrong."""
        return ""


def _versions(major: int, last: int) -> list[str]:
    return [f"{major}.{minor}" for minor in range(1 if major == 2 else 0, last + 1)]


def _as(client: Any, book: TokenBook) -> Callable[..., TestResponse]:
    def request(
        method: str, path: str, body: object, query: dict[str, object], version: str, admin: bool
    ) -> TestResponse:
        given: dict[str, object] = {"version": version} if version else {}
        if method == "PATCH" and isinstance(body, list):
            given |= {"data": json.dumps(body), "content_type": "application/openstack-images-v2.1-json-patch"}
        else:
            given["json"] = body
        who = book.admin if admin else book.member
        return client.request(method, path, as_=who, query_string=_texts(query), **given)

    return request


def _texts(query: dict[str, object]) -> list[tuple[str, str]]:
    return [(key, str(one)) for key, value in query.items() for one in (value if isinstance(value, list) else [value])]


def _made(answer: TestResponse) -> Any:
    assert answer.status_code < 300, answer.text
    return next(iter(answer.get_json().values()))


def image(folder: Path, stack: ExitStack) -> World:
    from pileus_image.testing import image_service

    service = stack.enter_context(image_service(folder / "image"))
    world = World(service.app, _as(service.client, service.book), service.drain)
    for body in ({"content": bytes(512)}, {"visibility": "shared"}, {"name": "queued"}):
        world.add("images", service.image(**body)["id"])
    service.client.post(
        "/v2/metadefs/namespaces", json={"namespace": "base", "visibility": "public"}, as_=service.book.admin
    )
    world.add("namespaces", "base")
    return world


def network(folder: Path, stack: ExitStack) -> World:
    from pileus_network.testing import NetworkFixture

    service = NetworkFixture(folder)
    stack.callback(service.sessions.dispose)
    world = World(service.app, _as(service.client, service.book), service.drain)
    net = service.made("network", {"name": "n"})["id"]
    world.add("networks", net, "network_id")
    world.add(
        "subnets",
        service.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"],
        "subnet_id",
    )
    world.add("ports", service.made("port", {"network_id": net})["id"], "port_id")
    public = service.public()["id"]
    world.add("networks", public, "floating_network_id")
    world.add("routers", service.made("router", {"external_gateway_info": {"network_id": public}})["id"], "router_id")
    group = service.made("security_group", {"name": "g"})["id"]
    world.add("security-groups", group, "security_group_id", "remote_group_id")
    world.add("floatingips", service.made("floatingip", {"floating_network_id": public})["id"])
    pool = service.made("subnetpool", {"name": "p", "prefixes": ["10.9.0.0/16"]})["id"]
    world.add("subnetpools", pool, "subnetpool_id")
    world.add("quotas", "p1")
    return world


def volume(folder: Path, stack: ExitStack) -> World:
    from pileus_objectstore.testing import ObjectStoreFixture
    from pileus_volume.testing import VolumeFixture

    book = TokenBook()
    store = ObjectStoreFixture(folder / "store", devices=3, book=book)
    stack.callback(store.close)
    service = stack.enter_context(VolumeFixture(folder / "volume", apps={"objectstore": store.app}, book=book))
    world = World(service.app, _as(service.client, service.book), service.drain)
    world.versions = _versions(3, 70)
    for number in range(3):
        made = _made(service.client.post("/v3/volumes", json={"volume": {"size": 1, "name": f"v{number}"}}))["id"]
        world.add("volumes", made, "volume_id", "source_volid", "volume_uuid")
    service.drain()
    shot = _made(service.client.post("/v3/snapshots", json={"snapshot": {"volume_id": made}}))["id"]
    world.add("snapshots", shot, "snapshot_id")
    backup = _made(service.client.post("/v3/backups", json={"backup": {"volume_id": made}}))["id"]
    world.add("backups", backup, "backup_id")
    kind = _made(service.client.post("/v3/types", json={"volume_type": {"name": "t"}}, as_=service.book.admin))["id"]
    world.add("types", kind, "volume_type", "new_type")
    sort = {"group_type": {"name": "g"}}
    sort_id = _made(service.client.post("/v3/group_types", json=sort, as_=service.book.admin, version="3.70"))["id"]
    world.add("group_types", sort_id, "group_type")
    body = {"group": {"group_type": sort_id, "volume_types": [kind]}}
    world.add("groups", _made(service.client.post("/v3/groups", json=body, version="3.70"))["id"], "group_id")
    service.drain()
    world.add("os-quota-sets", "p1")
    world.add("os-quota-class-sets", "default")
    return world


class IdentityClient:
    """Sends requests to identity with valid tokens, although requests delete and lock the users."""

    USERS = {True: "admin", False: "demo"}

    def __init__(self, service: Any) -> None:
        self._service = service
        self._tokens: dict[bool, str] = {}

    def request(
        self, method: str, path: str, body: object, query: dict[str, object], version: str, admin: bool
    ) -> TestResponse:
        """Send a request as an administrator or a member, again with a new token if the last one was revoked."""
        answer = self._send(method, path, body, query, self._tokens.get(admin) or self._new_token(admin))
        if answer.status_code == 401:
            answer = self._send(method, path, body, query, self._new_token(admin))
        return answer

    def token(self, admin: bool) -> str:
        """A valid token, even if its user was deleted or locked meanwhile."""
        self.request("GET", "/v3/auth/tokens", None, {}, "", admin)
        return self._tokens[admin]

    def _send(self, method: str, path: str, body: object, query: dict[str, object], token: str) -> TestResponse:
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        return self._service.client.open(path, method=method, json=body, query_string=_texts(query), headers=headers)

    def _new_token(self, admin: bool) -> str:
        user = self.USERS[admin]
        try:
            self._tokens[admin] = self._service.token(user)
        except Exception:  # the previous request deleted or locked that user
            _bootstrap_again(self._service)
            self._tokens[admin] = self._service.token(user)
        return self._tokens[admin]


def identity(folder: Path, stack: ExitStack) -> World:
    from pileus_identity.testing import IdentityFixture

    service = stack.enter_context(IdentityFixture())
    client = IdentityClient(service)
    world = World(service.app, client.request, lambda: None)
    world.token = client.token
    keys = {
        "users": "user_id",
        "projects": "project_id",
        "roles": "role_id",
        "services": "service_id",
        "regions": "region_id",
        "domains": "domain_id",
    }
    for noun, key in keys.items():
        answer = service.client.get(f"/v3/{noun}", headers={"X-Auth-Token": service.token("admin")})
        for row in answer.get_json()[noun]:
            if row.get("name") not in ("admin", "member", "Default", "demo"):
                world.add(noun, row["id"], key)
    return world


def _bootstrap_again(service: Any) -> None:
    from pileus_identity.core.bootstrap import bootstrap
    from pileus_identity.testing import plan

    with service.sessions.begin() as session:
        bootstrap(session, plan())


def compute(folder: Path, stack: ExitStack) -> World:
    from pileus_compute.testing import compute_service
    from pileus_image.testing import image_service
    from pileus_network.testing import NetworkFixture
    from pileus_volume.testing import VolumeFixture

    book = TokenBook()
    images = stack.enter_context(image_service(folder / "image", book=book))
    (folder / "network").mkdir()
    networks = NetworkFixture(folder / "network", authenticate=book)
    volumes = stack.enter_context(VolumeFixture(folder / "volume", apps={"image": images.app}, book=book))
    service = stack.enter_context(
        compute_service(
            folder / "compute", book=book, apps={"image": images.app, "network": networks.app, "volume": volumes.app}
        )
    )
    service.flavor()

    def drain() -> None:
        networks.drain()
        volumes.drain()
        try:
            service.runner.drain(rounds=3)
        except TimeoutError:
            pass  # a step waits for another service; the next request's drain continues
        volumes.drain()

    stack.enter_context(service.working())  # some calls wait until their job is done
    world = World(service.app, _as(service.client, book), drain)
    world.versions = _versions(2, 96)
    picture = images.image(content=bytes(512))["id"]
    net = _made(networks.client.post("/v2.0/networks", json={"network": {"name": "n"}}, as_=book.member))["id"]
    _made(
        networks.client.post(
            "/v2.0/subnets",
            as_=book.member,
            json={"subnet": {"network_id": net, "ip_version": 4, "cidr": "10.1.0.0/16"}},
        )
    )
    for number in range(3):
        made = service.server(name=f"s{number}", imageRef=picture, networks="none", drain=False)["id"]
        world.add("servers", made, "server", "instance_uuid")
    drain()
    world.add("flavors", "1", "flavorRef")
    world.add("images", picture, "imageRef")
    world.add("os-networks", net, "uuid", "net_id")
    key = {"name": "k", "public_key": KEY}
    _made(service.client.post("/v2.1/os-keypairs", json={"keypair": key}, version="2.79"))
    world.add("os-keypairs", "k", "key_name")
    group = {"name": "g", "policy": "affinity"}
    world.add(
        "os-server-groups",
        _made(service.client.post("/v2.1/os-server-groups", json={"server_group": group}, version="2.79"))["id"],
        "group",
    )
    made = _made(service.client.post("/v2.1/os-aggregates", json={"aggregate": {"name": "a"}}, as_=book.admin))
    world.add("os-aggregates", str(made["id"]))
    for noun, id in (
        ("os-quota-sets", "p1"),
        ("os-quota-class-sets", "default"),
        ("os-simple-tenant-usage", "p1"),
        ("os-hosts", "host1"),
    ):
        world.add(noun, id)
    return world


WORLDS: dict[str, Callable[[Path, ExitStack], World]] = {
    "identity": identity,
    "compute": compute,
    "image": image,
    "volume": volume,
    "network": network,
}
