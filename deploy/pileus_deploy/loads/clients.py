"""One client of a load: a connection, a token, and the operations that users mix."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import requests

from pileus_deploy.loads.records import Record
from pileus_deploy.plan import Plan

TIMEOUT = (10, 120)
OWN_SERVERS, OWN_PORTS, OWN_VOLUMES = 4, 4, 3
"""The number of each kind that one client keeps at a time."""


class Client:
    """One client; use each in one thread only. Everything that it makes has the prefix `load-`."""

    def __init__(self, plan: Plan, record: Record, things: dict[str, str], seed: int = 0) -> None:
        self.plan, self.record, self.things, self.dice = plan, record, things, random.Random(seed)  # noqa: S311
        self.http = requests.Session()
        self.token = ""
        self.servers: list[str] = []
        self.ports: list[str] = []
        self.volumes: list[str] = []

    # -- a call ----------------------------------------------------------------------------------------------------

    def log_in(self) -> None:
        user = {"name": "demo", "domain": {"id": "default"}, "password": self.plan.secrets["demo"]}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": "demo", "domain": {"id": "default"}}},
            }
        }
        answer = self._send("token issue", "POST", f"{self.plan.url('identity')}/v3/auth/tokens", body, {})
        if answer is not None and answer.status_code == 201:
            self.token = answer.headers["X-Subject-Token"]

    def call(self, operation: str, method: str, service: str, path: str, body: Any = None) -> Any:
        """Return the answer's JSON ({} if it has none); None for a refusal or no answer."""
        for last in (False, True):
            if not self.token:
                self.log_in()
            url = self.plan.url(service) + path.format(**self.things)
            answer = self._send(operation, method, url, body, {"X-Auth-Token": self.token})
            if answer is not None and answer.status_code == 401 and not last:
                self.token = ""
                continue
            break
        if answer is None or answer.status_code >= 400:
            return None
        return answer.json() if answer.content else {}

    def _send(
        self, operation: str, method: str, url: str, body: Any, headers: dict[str, str]
    ) -> requests.Response | None:
        began = time.monotonic()
        try:
            answer = self.http.request(method, url, json=body, headers=headers, timeout=TIMEOUT)
        except requests.RequestException as err:
            self.record.note(operation, 0, time.monotonic() - began, str(err))
            return None
        self.record.note(operation, answer.status_code, time.monotonic() - began, answer.text)
        if answer.status_code in (429, 503):
            wait = answer.headers.get("Retry-After", "1")
            time.sleep(min(float(wait) if wait.isdecimal() else 1.0, 10.0))
        return answer

    # -- operations ------------------------------------------------------------------------------------------------

    def act(self) -> None:
        """Do one of the things that users do, more often a read than a write."""
        self.dice.choices(*MIX)[0](self)

    def create_server(self) -> str | None:
        body = {
            "name": "load-server",
            "flavorRef": self.things["flavor"],
            "imageRef": self.things["image"],
            "networks": [{"uuid": self.things["network"]}],
        }
        made = self.call("server create", "POST", "compute", "/v2.1/servers", {"server": body})
        return str(made["server"]["id"]) if made else None

    def delete_server(self, server: str) -> bool:
        return self.call("server delete", "DELETE", "compute", f"/v2.1/servers/{server}") is not None

    def server(self) -> None:
        if len(self.servers) < OWN_SERVERS:
            made = self.create_server()
            self.servers += [made] if made else []
        elif self.delete_server(self.servers[0]):
            self.servers.pop(0)

    def port(self) -> None:
        if len(self.ports) < OWN_PORTS:
            body = {"network_id": self.things["network"], "name": "load-port"}
            made = self.call("port create", "POST", "network", "/v2.0/ports", {"port": body})
            self.ports += [made["port"]["id"]] if made else []
        elif self.call("port delete", "DELETE", "network", f"/v2.0/ports/{self.ports[0]}") is not None:
            self.ports.pop(0)

    def volume(self) -> None:
        if len(self.volumes) < OWN_VOLUMES:
            made = self.call(
                "volume create",
                "POST",
                "volume",
                "/v3/{project}/volumes",
                {"volume": {"size": 1, "name": "load-volume"}},
            )
            self.volumes += [made["volume"]["id"]] if made else []
            return
        at_rest = self.call("volume show", "GET", "volume", f"/v3/{{project}}/volumes/{self.volumes[0]}")
        if at_rest and at_rest["volume"]["status"] == "creating":
            return
        if self.call("volume delete", "DELETE", "volume", f"/v3/{{project}}/volumes/{self.volumes[0]}") is not None:
            self.volumes.pop(0)

    def look(self) -> None:
        operation, service, path = self.dice.choice(LOOKS)
        self.call(operation, "GET", service, path)

    def show(self) -> None:
        if self.servers:
            self.call("server show", "GET", "compute", f"/v2.1/servers/{self.servers[-1]}")


LOOKS = (
    ("server list", "compute", "/v2.1/servers?limit=20"),
    ("server detail", "compute", "/v2.1/servers/detail?limit=20"),
    ("limits", "compute", "/v2.1/limits"),
    ("port list", "network", "/v2.0/ports?limit=20"),
    ("network list", "network", "/v2.0/networks"),
    ("volume list", "volume", "/v3/{project}/volumes?limit=20"),
    ("image list", "image", "/v2/images?limit=20"),
)
MIX: tuple[tuple[Callable[[Client], None], ...], tuple[int, ...]] = (
    (Client.look, Client.show, Client.server, Client.port, Client.volume, Client.log_in),
    (8, 3, 3, 3, 2, 1),
)


def crowd(clients: list[Client], work: Callable[[Client], None]) -> list[threading.Thread]:
    """Start each client in a thread of its own."""
    threads = [threading.Thread(target=work, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    return threads
