"""A steady load of calls on a cloud, which remembers every answer and everything that was acknowledged."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
import yaml

FINISH_S = 600
PAUSE_S = 0.25  # between the rounds of each kind of call: a steady load, not a benchmark


class Account:
    """The demo user of a cloud: URLs and a token, over connections that are kept, and without a second attempt."""

    def __init__(self, state: Path) -> None:
        self._auth = yaml.safe_load((state / "clouds.yaml").read_text())["clouds"]["pileus"]["auth"]
        self.http = requests.Session()
        self.urls: dict[str, str] = {}
        self.log_in()

    def log_in(self) -> None:
        """Take a new token."""
        password = {
            "name": self._auth["username"],
            "password": self._auth["password"],
            "domain": {"id": self._auth["user_domain_id"]},
        }
        project = {"name": self._auth["project_name"], "domain": {"id": self._auth["project_domain_id"]}}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": password}},
                "scope": {"project": project},
            }
        }
        answer = self.http.post(f"{self._auth['auth_url']}/auth/tokens", json=body, timeout=120)
        answer.raise_for_status()
        self.http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        for entry in answer.json()["token"]["catalog"]:
            self.urls[entry["type"]] = next(e["url"] for e in entry["endpoints"] if e["interface"] == "public")

    def call(self, method: str, service: str, path: str, **options: Any) -> requests.Response:
        """Make one call. Raises requests' errors, and HTTPError for a refusal."""
        answer = self.http.request(method, f"{self.urls[service]}{path}", timeout=120, **options)
        answer.raise_for_status()
        return answer


def wait_for(account: Account, service: str, path: str, kind: str, status: str) -> None:
    """Wait until a resource has a status. Raises AssertionError if it is in error, or never gets there."""
    deadline = time.monotonic() + FINISH_S
    while (found := account.call("GET", service, path).json()[kind])["status"] != status:
        assert not found["status"].lower().startswith("error"), found
        assert time.monotonic() < deadline, f"{kind} {found['id']} stays {found['status']}"
        time.sleep(0.2)


class Load:
    """Runs until `stop`. `failures` are calls without an answer, or with one that tells of a fault."""

    def __init__(self, state: Path, image: str, flavor: str, network: str) -> None:
        self.state, self._image, self._flavor, self._network = state, image, flavor, network
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.kept_servers: list[str] = []
        self.kept_objects: dict[str, bytes] = {}
        self._over = threading.Event()
        work = (self._tokens, self._lists, self._servers, self._volumes, self._ports, self._objects)
        self._threads = [threading.Thread(target=self._repeat, args=(one,), name=one.__name__) for one in work]

    def __enter__(self) -> "Load":
        with suppress(requests.HTTPError):
            Account(self.state).call("PUT", "object-store", "/load")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(FINISH_S)
        stuck = [thread.name for thread in self._threads if thread.is_alive()]
        assert not stuck, f"{stuck} never came to an end"

    def _repeat(self, work: Callable[[Account], None]) -> None:
        account = Account(self.state)
        while not self._over.is_set():
            try:
                work(account)
            except (requests.RequestException, AssertionError) as err:
                said = getattr(err, "response", None)
                self.failures.append(
                    f"{time.strftime('%H:%M:%S')} {work.__name__}: {err} {said.text[:300] if said is not None else ''}"
                )
                self._over.wait(0.5)
            self.answers[work.__name__] += 1
            self._over.wait(PAUSE_S)

    def _tokens(self, account: Account) -> None:
        account.log_in()

    def _lists(self, account: Account) -> None:
        """Over a new connection each time: it would be refused if nobody listened."""
        for service, path in (
            ("compute", "/servers"),
            ("image", "/v2/images?limit=2"),
            ("network", "/v2.0/networks"),
            ("block-storage", "/volumes"),
        ):
            headers = {"X-Auth-Token": str(account.http.headers["X-Auth-Token"])}
            requests.get(f"{account.urls[service]}{path}", headers=headers, timeout=120).raise_for_status()

    def _servers(self, account: Account) -> None:
        wanted = {"name": "load", "imageRef": self._image, "flavorRef": self._flavor}
        body = {"server": {**wanted, "networks": [{"uuid": self._network}]}}
        server = account.call("POST", "compute", "/servers", json=body).json()["server"]["id"]
        wait_for(account, "compute", f"/servers/{server}", "server", "ACTIVE")
        if len(self.kept_servers) < 3:
            self.kept_servers.append(server)
            return
        account.call("DELETE", "compute", f"/servers/{server}")
        self._wait_gone(account, "compute", f"/servers/{server}")

    def _volumes(self, account: Account) -> None:
        volume = account.call("POST", "block-storage", "/volumes", json={"volume": {"size": 1}}).json()["volume"]["id"]
        wait_for(account, "block-storage", f"/volumes/{volume}", "volume", "available")
        account.call("DELETE", "block-storage", f"/volumes/{volume}")
        self._wait_gone(account, "block-storage", f"/volumes/{volume}")

    def _ports(self, account: Account) -> None:
        body = {"port": {"network_id": self._network}}
        port = account.call("POST", "network", "/v2.0/ports", json=body).json()["port"]["id"]
        account.call("GET", "network", f"/v2.0/ports/{port}")
        account.call("DELETE", "network", f"/v2.0/ports/{port}")

    def _objects(self, account: Account) -> None:
        name, content = f"/load/{time.monotonic_ns()}", str(time.time()).encode() * 100
        account.call("PUT", "object-store", name, data=content)
        assert account.call("GET", "object-store", name).content == content
        if len(self.kept_objects) < 200:
            self.kept_objects[name] = content
        else:
            account.call("DELETE", "object-store", name)

    def _wait_gone(self, account: Account, service: str, path: str) -> None:
        deadline = time.monotonic() + FINISH_S
        while account.http.get(f"{account.urls[service]}{path}", timeout=120).status_code != 404:
            assert time.monotonic() < deadline, f"{path} never goes"
            time.sleep(0.2)

    def lost(self) -> list[str]:
        """Return what was acknowledged and is gone or different."""
        account = Account(self.state)
        found = [
            server
            for server in self.kept_servers
            if account.call("GET", "compute", f"/servers/{server}").json()["server"]["status"] != "ACTIVE"
        ]
        return found + [
            name
            for name, content in self.kept_objects.items()
            if account.call("GET", "object-store", name).content != content
        ]
