"""What somebody tries who has taken a machine over and has everything that it knows: attacks.py IMAGE SERVER OTHER
and what an agent does with a ticket: attacks.py fetch URL TICKET

Runs on the machine, and prints one JSON object: each attempt with what came of it. SERVER runs on the machine called
OTHER.
"""

import hashlib
import hmac
import json
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import amqp
import requests

from pileus_compute.rpc import ControlPlane, HostAgent
from pileus_deploy import plan_files
from pileus_deploy.plan import BUS_TLS_PORT, NBD_PORT, Plan
from pileus_kit.accounts import Account
from pileus_kit.rpc import Bus
from pileus_kit.tls import Certificates

STATE = Path("/var/lib/pileus")


class Taken:
    """A machine's credentials, in the wrong hands."""

    def __init__(self, plan: Plan, image: str, server: str, other: str) -> None:
        self.plan, self.image, self.server, self.other = plan, image, server, other
        self.files = [str(plan.tls_file(name)) for name in ("authority.pem", "machine.pem", "machine.key")]

    def connection(self, account: str = "", password: str = "") -> amqp.Connection:
        """Log in to the bus, by default with the machine's own account."""
        url = urlsplit(self.plan.bus_url(Account("compute", self.plan.host)))
        ca, certificate, key = self.files
        made = amqp.Connection(
            f"{self.plan.controller}:{BUS_TLS_PORT + self.plan.offset}",
            userid=account or unquote(url.username or ""),
            password=password or url.password,
            ssl={"ca_certs": ca, "certfile": certificate, "keyfile": key, "server_hostname": self.plan.controller},
            connect_timeout=5,
        )
        made.connect()
        return made

    def read_queue(self, queue: str) -> str:
        with self.connection() as bus:
            return f"read {bus.channel().basic_get(queue)}"

    def order(self) -> str:
        """Call another machine's agent, as a worker does."""
        with self.connection() as bus:
            channel = bus.channel()
            channel.confirm_select()
            channel.basic_publish_confirm(amqp.Message("{}"), f"compute@{self.other}", f"compute.agent.{self.other}")
        return "published"

    def ask_for(self, host: str) -> str:
        """Ask the workers what is wanted on a host."""
        bus = Bus(self.plan.bus_url(Account("compute", self.plan.host)))
        try:
            return f"answered {len(bus.client(ControlPlane).wanted(host))}"
        finally:
            bus.close()

    def inspect(self) -> str:
        """Have another machine's agent say what is on it."""
        bus = Bus(self.plan.bus_url(Account("compute", self.plan.host)))
        try:
            return f"answered {bus.client(HostAgent, self.other).inspect()}"
        finally:
            bus.close()

    def log_in_as(self, account: str) -> str:
        with self.connection(account):
            return "logged in"

    def get(self, path: str, headers: dict[str, str] | None = None) -> str:
        with Certificates(*self.files).open_session() as http:
            answer = http.get(f"{self.plan.host_url}{path}", headers=headers or {}, timeout=10)
        return f"{answer.status_code} {answer.text[:200]}"

    def metadata(self, host: str) -> str:
        """Ask for the server's metadata in the name of a host, signed with the share that this machine has."""
        share = self.plan.secrets["metadata share"]
        signature = hmac.new(share.encode(), self.server.encode(), hashlib.sha256).hexdigest()
        headers = {"X-Instance-ID": self.server, "X-Instance-ID-Signature": signature, "X-Metadata-Host": host}
        return self.get("/metadata/openstack/latest/meta_data.json", headers)

    def attempts(self) -> dict[str, Callable[[], str]]:
        """Return everything that is tried, by name."""
        other, host = self.other, self.plan.host
        return {
            "do its own part": lambda: self.ask_for(host),
            "read another host's queue": lambda: self.read_queue(f"compute.agent.{other}"),
            "read the workers' queue": lambda: self.read_queue("compute.worker"),
            "call as a worker": self.order,
            "inspect another host": self.inspect,
            "report for another host": lambda: self.ask_for(other),
            "use another host's account": lambda: self.log_in_as(f"compute@{other}"),
            "use a service's account": lambda: self.log_in_as("compute"),
            "fetch an image without a ticket": lambda: self.get(f"/v2/data/{self.image}"),
            "fetch an image with a made-up ticket": lambda: self.get(
                f"/v2/data/{self.image}", {"X-Image-Ticket": f"1.read.{self.image}.99999999999.00"}
            ),
            "reach the APIs' other paths": lambda: self.get("/v2/images"),
            "answer metadata in another host's name": lambda: self.metadata(other),
            "answer metadata for a guest elsewhere": lambda: self.metadata(host),
            "fetch the controller's disks": lambda: connect(self.plan.controller, NBD_PORT + self.plan.offset),
            "reach the broker without TLS": lambda: connect(self.plan.controller, 5682 + self.plan.offset),
        }


def fetch(url: str, ticket: str) -> str:
    """Read image data as an agent does. Returns its SHA-256."""
    plan = plan_files.load(STATE)
    assert plan is not None
    with Certificates(*Taken(plan, "", "", "").files).open_session() as http:
        answer = http.get(url, headers={"X-Image-Ticket": ticket}, timeout=60)
    answer.raise_for_status()
    return hashlib.sha256(answer.content).hexdigest()


def connect(address: str, port: int) -> str:
    with socket.create_connection((address, port), timeout=5):
        return "connected"


def outcome(attempt: Callable[[], str]) -> str:
    """Return what came of an attempt; what was refused says by which error."""
    try:
        return attempt()
    except (amqp.AMQPError, requests.RequestException, ssl.SSLError, OSError) as err:
        return f"{type(err).__name__}: {err}"
    except Exception as err:  # the bus's own errors: the test compares their words
        return f"{type(err).__name__}: {err}"


def main(image: str, server: str, other: str) -> None:
    if image == "fetch":
        print(fetch(server, other))
        return
    plan = plan_files.load(STATE)
    assert plan is not None
    taken = Taken(plan, image, server, other)
    print(json.dumps({name: outcome(attempt) for name, attempt in taken.attempts().items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
