"""The machines of the running cloud as its services see them, asked through the public APIs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from pileus_deploy.bootstrap import Cloud
from pileus_deploy.plan import Plan
from pileus_kit.json_types import JsonObject

REASON = "drained by `pileus host drain`"
COMPUTE_VERSION = {"OpenStack-API-Version": "compute 2.96"}
VOLUME_VERSION = {"OpenStack-API-Version": "volume 3.70"}
DHCP, L3 = "DHCP agent", "L3 agent"
WITH_AGENTS = ("compute", "network", "volume")
PAGE = 50


@dataclass
class CloudHost:
    """One machine: what each service says of it. `services` maps a service to "up" or "down"."""

    name: str
    services: dict[str, str] = field(default_factory=dict)
    is_drained: bool = False
    compute_id: str = ""
    volume_hosts: list[str] = field(default_factory=list)
    """What block storage calls it: a name for each of its backends."""
    agents: dict[str, str] = field(default_factory=dict)
    """Ids of network's agents by their type."""

    @property
    def state(self) -> str:
        return "down" if "down" in self.services.values() else "up"


def load(cloud: Cloud) -> dict[str, CloudHost]:
    """Return every machine by its name: three requests, whatever their number."""
    found: dict[str, CloudHost] = {}
    services = cloud.call("GET", "compute", "/v2.1/os-services?binary=nova-compute", headers=COMPUTE_VERSION)
    for row in services["services"]:
        host = found.setdefault(row["host"], CloudHost(row["host"]))
        host.services["compute"], host.compute_id = row["state"], row["id"]
        host.is_drained |= row["status"] == "disabled"
    for row in cloud.call("GET", "network", "/v2.0/agents")["agents"]:
        host = found.setdefault(row["host"], CloudHost(row["host"]))
        host.services["network"] = "up" if row["alive"] else "down"
        host.agents[row["agent_type"]] = row["id"]
        host.is_drained |= not row["admin_state_up"]
    for row in cloud.call("GET", "volume", "/v3/{project}/os-services?binary=cinder-volume")["services"]:
        name = row["host"].partition("@")[0]
        host = found.setdefault(name, CloudHost(name))
        host.volume_hosts.append(row["host"])
        if host.services.get("volume") != "down":
            host.services["volume"] = row["state"]
        host.is_drained |= row["status"] == "disabled"
    return found


@dataclass
class Inspected:
    """What the agents of a machine say of its processes, or why none of them answers."""

    silence: str = ""
    processes: list[JsonObject] = field(default_factory=list)


def inspect(cloud: Cloud) -> dict[str, Inspected]:
    """Return what every machine with an agent says of itself, by its name. A silent one is waited for a few seconds."""
    found: dict[str, Inspected] = {}
    for service in WITH_AGENTS:
        marker, is_last = "", False
        while not is_last:
            rows = cloud.call("GET", service, f"/operations/hosts?limit={PAGE}&marker={quote(marker)}")["hosts"]
            is_last = len(rows) < PAGE
            for row in rows:
                marker = row["host"]
                known = found.get(marker)
                if row["inspection"] and (known is None or known.silence):
                    found[marker] = Inspected(processes=row["inspection"]["machine"]["processes"])
                elif known is None:
                    found[marker] = Inspected(silence=row["silence"])
    return found


def set_drained(cloud: Cloud, host: CloudHost, drained: bool) -> None:
    """Let the schedulers place nothing on the machine, or let them again."""
    if host.compute_id:
        body = {"status": "disabled", "disabled_reason": REASON} if drained else {"status": "enabled"}
        cloud.call("PUT", "compute", f"/v2.1/os-services/{host.compute_id}", body, headers=COMPUTE_VERSION)
    for agent in list(host.agents.values())[:1]:  # they are one process, and one switch
        cloud.call("PUT", "network", f"/v2.0/agents/{agent}", {"agent": {"admin_state_up": not drained}})
    for backend in host.volume_hosts:
        named = {"host": backend, "binary": "cinder-volume"}
        if drained:
            reason = named | {"disabled_reason": REASON}
            cloud.call("PUT", "volume", "/v3/{project}/os-services/disable-log-reason", reason)
        else:
            cloud.call("PUT", "volume", "/v3/{project}/os-services/enable", named)


def move_network_services(cloud: Cloud, host: CloudHost, others: list[CloudHost]) -> tuple[int, list[str]]:
    """Move DHCP and routers to the first of the others that takes each. Returns how many moved, and what stays."""
    moved, kept = 0, list[str]()
    if not host.agents:
        return moved, kept
    for network in cloud.call("GET", "network", f"/v2.0/agents/{host.agents[DHCP]}/dhcp-networks")["networks"]:
        taken = _move(cloud, others, DHCP, "dhcp-networks", {"network_id": network["id"]})
        moved, kept = moved + taken, kept if taken else [*kept, f"DHCP of {network['name'] or network['id']}"]
    for router in cloud.call("GET", "network", f"/v2.0/agents/{host.agents[L3]}/l3-routers")["routers"]:
        taken = _move(cloud, others, L3, "l3-routers", {"router_id": router["id"]})
        moved, kept = moved + taken, kept if taken else [*kept, f"router {router['name'] or router['id']}"]
    return moved, kept


def _move(cloud: Cloud, others: list[CloudHost], agent: str, path: str, body: dict[str, str]) -> bool:
    """Whether one of the others took it; a host refuses what needs a physical network that it isn't connected to."""
    from keystoneauth1.exceptions import Conflict

    for target in others:
        try:
            cloud.call("POST", "network", f"/v2.0/agents/{target.agents[agent]}/{path}", body)
        except Conflict:
            continue
        return True
    return False


def servers_on(cloud: Cloud, name: str) -> list[str]:
    """Return the names of the servers on the machine, at most 1,000."""
    found = cloud.call("GET", "compute", f"/v2.1/servers?all_tenants=1&host={name}&limit=1000")["servers"]
    return [server["name"] for server in found]


def withdraw_volumes(plan: Plan, name: str) -> int:
    """Take all volumes from a machine that was removed; they are available again. Returns how many.

    Compute would ask the machine first, so this asks block storage as compute's own user.
    """
    admin, compute = Cloud(plan, "admin", "admin"), Cloud(plan, "compute", "service")
    withdrawn = 0
    path = f"/v3/{{project}}/attachments?all_tenants=1&attached_host={quote(name, safe='')}&limit=1000"
    while found := admin.call("GET", "volume", path, headers=VOLUME_VERSION)["attachments"]:
        for attachment in found:
            one = f"/v3/{{project}}/attachments/{attachment['id']}"
            compute.call("DELETE", "volume", one, headers=VOLUME_VERSION)
        withdrawn += len(found)
    return withdrawn


def forget(cloud: Cloud, host: CloudHost) -> Iterator[str]:
    """Have the services forget a machine that is gone. Yields why one of them can't yet."""
    from keystoneauth1.exceptions import Conflict

    if host.compute_id:
        try:
            cloud.call("DELETE", "compute", f"/v2.1/os-services/{host.compute_id}", headers=COMPUTE_VERSION)
        except Conflict as err:
            yield f"compute: {err.message}"
    for agent in list(host.agents.values())[:1]:
        try:
            cloud.call("DELETE", "network", f"/v2.0/agents/{agent}")
        except Conflict:
            yield "network: its agent counts as alive until a minute after its last report"
