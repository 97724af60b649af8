"""No list of compute asks the database more for more rows."""

from collections.abc import Callable
from typing import Any

import pytest

from pileus_compute.core import host_reports
from pileus_compute.db.models import Job, ServerPort, ServerVolume
from pileus_compute.rpc import Inventory
from pileus_compute.testing import ComputeFixture
from pileus_kit.db import new_id
from pileus_kit.flow import enqueue
from pileus_kit.testing import assert_flat

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"
LATEST = "2.96"


class Rows:
    """How to make the i-th row of each noun."""

    def __init__(self, compute: ComputeFixture) -> None:
        self.compute, self.admin = compute, compute.book.admin
        limits = dict.fromkeys(("instances", "cores", "ram", "key_pairs", "server_groups", "server_group_members"), -1)
        self.send("PUT", "/os-quota-sets/p1", {"quota_set": limits}, version="2.1")
        self.server = compute.server(imageRef=IMAGE_ID)["id"]

    def send(self, method: str, path: str, body: Any, version: str = LATEST, as_: Any = None) -> Any:
        answer = self.compute.client.request(method, f"/v2.1{path}", json=body, as_=as_ or self.admin, version=version)
        assert answer.status_code < 300, answer.text
        return answer.json

    def servers(self, i: int) -> None:
        wish = {
            "name": f"s{i}",
            "flavorRef": "1",
            "imageRef": IMAGE_ID,
            "networks": [{"uuid": NETWORK_ID}],
            "metadata": {"a": str(i)},
            "tags": [f"t{i}"],
        }
        self.send("POST", "/servers", {"server": wish}, as_=self.compute.book.member)
        self.compute.drain()

    def flavors(self, i: int) -> None:
        made = {"id": f"f{i}", "name": f"f{i}", "ram": 64, "vcpus": 1, "disk": 1}
        self.send("POST", "/flavors", {"flavor": made})
        self.send("POST", f"/flavors/f{i}/os-extra_specs", {"extra_specs": {"a": "b"}})

    def keypairs(self, i: int) -> None:
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZ8nQmRrKkWqkD8cQkFYb3S7m6aVJt6Xx3Qh0l0mYl8 x"
        self.send(
            "POST",
            "/os-keypairs",
            {"keypair": {"name": f"k{i}", "public_key": key, "type": "ssh"}},
            as_=self.compute.book.member,
        )

    def groups(self, i: int) -> None:
        self.send(
            "POST",
            "/os-server-groups",
            {"server_group": {"name": f"g{i}", "policy": "anti-affinity"}},
            as_=self.compute.book.member,
        )

    def aggregates(self, i: int) -> None:
        made = self.send("POST", "/os-aggregates", {"aggregate": {"name": f"a{i}", "availability_zone": f"z{i}"}})
        with self.compute.sessions.begin() as session:
            host_reports.record_hello(session, f"in-a{i}", self.inventory(), [])
        self.send("POST", f"/os-aggregates/{made['aggregate']['id']}/action", {"add_host": {"host": f"in-a{i}"}})

    def inventory(self) -> Inventory:
        return self.compute.host.driver.inventory()

    def hosts(self, i: int) -> None:
        with self.compute.sessions.begin() as session:
            host_reports.record_hello(session, f"h{i}", self.inventory(), [])

    def volumes(self, i: int) -> None:
        with self.compute.sessions.begin() as session:
            session.add(
                ServerVolume(
                    server_id=self.server, volume_id=new_id(), position=i, device=f"/dev/vd{i}", attachment_id=new_id()
                )
            )

    def ports(self, i: int) -> None:
        with self.compute.sessions.begin() as session:
            session.add(
                ServerPort(
                    id=new_id(),
                    server_id=self.server,
                    position=i,
                    network_id=NETWORK_ID,
                    network_name="private",
                    mac=f"fa:16:3e:00:00:{i:02x}",
                    fixed_ips=[{"ip_address": f"10.0.0.{i}", "subnet_id": NETWORK_ID}],
                )
            )

    def actions(self, i: int) -> None:
        with self.compute.sessions.begin() as session:
            job = enqueue(session, Job, flow="server.stop", subject=self.server, caller=self.compute.book.member)
            job.state = "done"

    def metadata(self, i: int) -> None:
        self.send(
            "POST", f"/servers/{self.server}/metadata", {"metadata": {f"k{i}": "v"}}, as_=self.compute.book.member
        )


LISTS: dict[str, tuple[Callable[[Rows, int], None], str]] = {  # path: what makes a row, the key of the list
    "/servers": (Rows.servers, "servers"),
    "/servers/detail": (Rows.servers, "servers"),
    "/servers/detail?all_tenants=1&not-tags=x&sort_key=display_name": (Rows.servers, "servers"),
    "/flavors": (Rows.flavors, "flavors"),
    "/flavors/detail": (Rows.flavors, "flavors"),
    "/os-keypairs": (Rows.keypairs, "keypairs"),
    "/os-server-groups": (Rows.groups, "server_groups"),
    "/os-aggregates": (Rows.aggregates, "aggregates"),
    "/os-availability-zone/detail": (Rows.aggregates, "availabilityZoneInfo"),
    "/os-hypervisors": (Rows.hosts, "hypervisors"),
    "/os-hypervisors/detail": (Rows.hosts, "hypervisors"),
    "/os-hypervisors/detail?with_servers=1": (Rows.hosts, "hypervisors"),
    "/os-services": (Rows.hosts, "services"),
    "/servers/{server}/os-volume_attachments": (Rows.volumes, "volumeAttachments"),
    "/servers/{server}/os-interface": (Rows.ports, "interfaceAttachments"),
    "/servers/{server}/os-instance-actions": (Rows.actions, "instanceActions"),
    "/servers/{server}/metadata": (Rows.metadata, "metadata"),
    "/os-simple-tenant-usage/p1": (Rows.servers, "tenant_usage/server_usages"),
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_whatever_its_length(compute: ComputeFixture, path: str) -> None:
    rows = Rows(compute)
    make, key = LISTS[path]
    for_admins = ("/os-aggregates", "/os-availability", "/os-hypervisors", "/os-services", "/os-simple")
    admins = path.startswith(for_admins) or "all_tenants" in path

    def look() -> int:
        answer = compute.client.get(
            f"/v2.1{path.format(server=rows.server)}",
            version=LATEST,
            as_=compute.book.admin if admins else compute.book.member,
        )
        assert answer.status_code == 200, answer.text
        found: Any = answer.json
        for part in key.split("/"):
            found = found[part]
        return len(found)

    assert_flat(compute.sessions, lambda i: make(rows, i), look)
