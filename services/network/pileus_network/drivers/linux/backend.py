"""The driver that uses Linux' own means: bridges, VXLAN, namespaces, nftables, dnsmasq and radvd."""

import logging
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from pileus_kit.errors import CloudError
from pileus_kit.spans import span
from pileus_network.drivers.base import Backend, HostUnfit, MetadataListener, Settings
from pileus_network.drivers.linux import (
    conntrack,
    dhcp,
    dnsmasq,
    firewall,
    links,
    namespaces,
    nft,
    plan,
    processes,
    routers,
    vxlan_fdb,
)
from pileus_network.drivers.linux.monitor import Monitor
from pileus_network.drivers.linux.names import Names
from pileus_network.drivers.linux.plan import NumberAllocator, Plan
from pileus_network.rpc import Failure, HostState, Report

log = logging.getLogger(__name__)
PROGRAMS = ("nft", "dnsmasq")
NETFILTER = Path("/proc/sys/net/bridge")
BACKLOG = 64


class Linux(Backend, MetadataListener):
    """Applies a plan.

    Which links exist is read from the kernel by each thorough call; what is inside namespaces and tables is remembered
    between thorough calls.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.names = Names(settings.prefix)
        self.folder = Path("/run", f"pileus-{settings.prefix}")
        self._monitor: Monitor | None = None
        self._failures: list[Failure] = []
        self._desired_links: frozenset[str] = frozenset()
        self._seen: dict[str, links.ExistingLink] = {}
        self._entries: dict[int, set[vxlan_fdb.Entry]] = {}
        self._tables: list[nft.Table] = []
        self._generation = -1
        self._enforcer = conntrack.ConntrackEnforcer()
        self._dhcp_servers: dict[str, dhcp.DhcpServer] = {}
        self._router_namespaces: dict[str, routers.RouterNamespace] = {}

    # -- Backend -------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            raise HostUnfit(why=f"Not installed on this host: {', '.join(missing)}")
        if not NETFILTER.is_dir():
            subprocess.run(["modprobe", "br_netfilter"], capture_output=True, check=False, timeout=30)
        if not NETFILTER.is_dir():
            raise HostUnfit(why="The kernel's br_netfilter is not loaded: security groups would not work")
        with IPRoute() as netlink:
            self._ensure_physical_bridges(netlink, links.list_links(netlink))

    def apply(self, state: HostState, thorough: bool) -> Report:
        thorough = thorough or bool(self._failures)
        self._failures = []
        with IPRoute() as netlink:
            if thorough or not self._seen:
                self._seen, self._entries = links.list_links(netlink), vxlan_fdb.list_entries(netlink)
                if state.networks:
                    self._seen |= self._ensure_physical_bridges(netlink, self._seen)
            desired = plan.make_plan(state, self.settings, self._numbers("net"), self._numbers("port"))
            self._failures += desired.failures
            self._desired_links = frozenset((*desired.links, *self.settings.bridges.values()))
            self._remove_links(netlink, desired)
            self._create_namespaces(netlink, desired, thorough)
            self._ensure_links(netlink, desired)
            self._configure_tunnels(netlink, desired)
            guarded = self._enforce_firewall(state, desired)
            self._ensure_dhcp(desired, thorough)
            self._ensure_routers(desired, thorough)
            wired = self._connect(netlink, state, desired, guarded)
        self._announce(desired)
        self._remove_namespaces(desired)
        if self._monitor:
            self._monitor.follow(self._daemons())
        return Report(tuple(sorted(wired)), tuple(self._failures))

    def watch(self, on_loss: Callable[[str], None]) -> None:
        self._monitor = Monitor(lambda name: name in self._desired_links, on_loss)

    def close(self) -> None:
        if self._monitor:
            self._monitor.close()

    # -- MetadataListener ----------------------------------------------------------------------------------------

    def metadata_namespaces(self) -> dict[str, int]:
        found: dict[str, dhcp.DhcpServer | routers.RouterNamespace] = dict(self._dhcp_servers)
        found |= {
            id: router_namespace
            for id, router_namespace in self._router_namespaces.items()
            if router_namespace.router.admin_up and router_namespace.ports
        }
        return {id: namespaces.identity(one.namespace) for id, one in found.items()}

    def metadata_socket(self, owner_id: str) -> socket.socket:
        namespace = self.names.router(owner_id) if owner_id in self._router_namespaces else self.names.dhcp(owner_id)
        return namespaces.inside(namespace, self._listen)

    @staticmethod
    def _listen() -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((dnsmasq.METADATA, 80))
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    # -- the steps of apply, in this order -------------------------------------------------------------------------

    def _ensure_physical_bridges(
        self, netlink: IPRoute, seen: dict[str, links.ExistingLink]
    ) -> dict[str, links.ExistingLink]:
        """Create missing bridges of physical networks.

        They belong to the operator of the host, so they are never deleted.
        """
        created = {}
        for bridge in sorted(set(self.settings.bridges.values())):
            with self._reporting("host", bridge):
                if bridge not in seen:
                    link = links.Link(bridge, links.BRIDGE, 1500)
                    created[bridge] = links.ensure(netlink, link, seen, self._working_name)
                links.enable_bridge_netfilter(netlink, (seen | created)[bridge])
        return created

    @span("deleted links")
    def _remove_links(self, netlink: IPRoute, desired: Plan) -> None:
        """Delete links first: nothing may be connected to a network that the firewall no longer knows."""
        removed = [
            seen
            for seen in self._seen.values()
            if seen.name not in desired.links and self.names.is_ours(seen.name, seen.alias)
        ]
        if removed:
            with self._reporting("host", ", ".join(seen.name for seen in removed[:5])):
                links.remove(netlink, removed)
                self._seen = {name: seen for name, seen in self._seen.items() if seen not in removed}

    @span("namespaces")
    def _create_namespaces(self, netlink: IPRoute, desired: Plan, thorough: bool) -> None:
        missing = {name for name in desired.namespaces if not namespaces.is_alive(name)}
        for namespace in sorted(missing):
            with self._reporting("host", namespace):
                is_dhcp = namespace.startswith(self.names.dhcp(""))
                namespaces.create(namespace, dhcp.SYSCTLS if is_dhcp else routers.SYSCTLS)
        for namespace in sorted(desired.namespaces if thorough else missing):
            with self._reporting("host", namespace):
                self._remove_torn_pairs(netlink, desired, namespace)

    def _remove_torn_pairs(self, netlink: IPRoute, desired: Plan, namespace: str) -> None:
        """Delete veth pairs whose inner end is elsewhere: in a namespace that lost its name and that a daemon keeps
        alive.
        """
        inside = {name for _, name in namespaces.inside(namespace, socket.if_nameindex)}
        pairs = [link for link in desired.links.values() if link.namespace == namespace and link.inner not in inside]
        torn = [self._seen.pop(link.name) for link in pairs if link.name in self._seen]
        if torn:
            links.remove(netlink, torn)

    @span("links")
    def _ensure_links(self, netlink: IPRoute, desired: Plan) -> None:
        """Create all links, none of them in a bridge yet. Bridges come first, since VLANs may stand on them."""
        for link in sorted(desired.links.values(), key=lambda link: link.kind != links.BRIDGE):
            with self._reporting(*desired.owners[link.name]):
                self._seen[link.name] = links.ensure(netlink, link, self._seen, self._working_name)

    @span("tunnels")
    def _configure_tunnels(self, netlink: IPRoute, desired: Plan) -> None:
        for tunnel, peers in desired.peers.items():
            if tunnel not in self._seen:
                continue
            index = self._seen[tunnel].index
            with self._reporting(*desired.owners[tunnel]):
                old, new = self._entries.pop(index, set()), vxlan_fdb.entries(peers)
                self._seen[tunnel] = links.set_master(netlink, desired.links[tunnel], self._seen)
                vxlan_fdb.update(netlink, index, old, new)
                self._entries[index] = new

    @span("security groups")
    def _enforce_firewall(self, state: HostState, desired: Plan) -> bool:
        """Put the firewall into force. Return whether it is: if not, no guarded port may be connected."""
        name = self.names.table
        groups = {group.id: group for group in state.security_groups}
        remotes = {remote.group_id: remote for remote in state.address_sets}
        tables = [
            firewall.bridge_table(name, desired.guarded, desired.segments.values()),
            firewall.inet_table(name, desired.guarded, desired.segments.values(), groups, remotes),
        ]
        in_force = False
        with self._reporting("host", "security groups"):
            self._commit(tables if desired.links else [nft.Table(table.family, table.name) for table in tables])
            in_force = True
            zones = {network_id: segment.zone for network_id, segment in desired.segments.items()}
            self._enforcer.follow(conntrack.Policy(tuple(desired.guarded), zones, groups, remotes))
        return in_force

    def _commit(self, tables: list[nft.Table]) -> None:
        """Run one nft transaction. What we remember is valid unless another program changed the ruleset."""
        before = nft.generation()
        known, self._tables = self._tables if before == self._generation else [], []
        if any(table.chains for table in tables):
            pairs = zip(known, tables, strict=True) if known else ()
            script = (
                "".join(nft.difference(*pair) for pair in pairs) if known else "".join(map(nft.replacement, tables))
            )
        else:
            script = "".join(map(nft.removal, tables))
        nft.run(script)
        after = nft.generation()
        self._generation = after if after == before + bool(script) else -1
        self._tables = tables if any(table.chains for table in tables) else []

    @span("DHCP")
    def _ensure_dhcp(self, desired: Plan, thorough: bool) -> None:
        for network_id, service in desired.dhcp_servers.items():
            if self._dhcp_servers.get(network_id) == service and not thorough:
                continue
            known = self._dhcp_servers.pop(network_id, None) is not None
            with self._reporting("dhcp", network_id):
                dhcp.ensure(service, self._folder("dhcp", network_id), known)
                self._dhcp_servers[network_id] = service

    @span("routers")
    def _ensure_routers(self, desired: Plan, thorough: bool) -> None:
        self._changed_routers = {}
        for router_id, router_namespace in desired.routers.items():
            old = self._router_namespaces.get(router_id)
            if old == router_namespace and not thorough:
                continue
            self._router_namespaces.pop(router_id, None)
            with self._reporting("router", router_id):
                routers.ensure(router_namespace, old, self._folder("routers", router_id), thorough)
                self._router_namespaces[router_id] = router_namespace
                self._changed_routers[router_id] = old

    @span("bridges")
    def _connect(self, netlink: IPRoute, state: HostState, desired: Plan, guarded: bool) -> list[str]:
        """Put every port into its bridge, now that all that it needs is there. Return the ports that carry traffic."""
        connected = set()
        behind = {one.interface for one in desired.guarded}
        for link in desired.links.values():
            if link.master and link.name in self._seen and (guarded or link.name not in behind):
                with self._reporting(*desired.owners[link.name]):
                    self._seen[link.name] = links.set_master(netlink, link, self._seen)
                    connected.add(link.name)
        cut_off = {failure.id for failure in self._failures if failure.kind == "network"}
        return [
            port.id
            for port in state.ports
            if port.network_id not in cut_off and desired.wires.get(port.id) in connected
        ]

    @span("announcements")
    def _announce(self, desired: Plan) -> None:
        for router_id, old in self._changed_routers.items():
            with self._reporting("router", router_id):
                routers.announce(desired.routers[router_id], old)

    @span("deleted namespaces")
    def _remove_namespaces(self, desired: Plan) -> None:
        """Delete daemons that aren't desired, then their namespaces."""
        self._remove_undesired("dhcp", set(desired.dhcp_servers), dhcp.remove)
        self._remove_undesired("routers", set(desired.routers), routers.remove)
        self._dhcp_servers = {id: one for id, one in self._dhcp_servers.items() if id in desired.dhcp_servers}
        self._router_namespaces = {id: one for id, one in self._router_namespaces.items() if id in desired.routers}
        for namespace in namespaces.names() - desired.namespaces:
            if self.names.is_our_namespace(namespace):
                with self._reporting("host", namespace):
                    namespaces.delete(namespace)

    def _remove_undesired(self, kind: str, desired_ids: set[str], remove: Callable[[Path], None]) -> None:
        parent = self.folder / kind
        for folder in parent.iterdir() if parent.is_dir() else ():
            if folder.name not in desired_ids:
                with self._reporting("host", folder.name):
                    remove(folder)
        for empty in (parent, self.folder):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()

    # -- small helpers -------------------------------------------------------------------------------------------

    def _daemons(self) -> set[int]:
        """Return the process ids of all daemons that run now."""
        files = [path for kind in ("dhcp", "routers") for path in (self.folder / kind).glob("*/pid")]
        return {pid for pid in map(processes.alive, files) if pid}

    def _numbers(self, what: str) -> NumberAllocator:
        start = f"{self.names.prefix}:{what}:"
        return NumberAllocator(
            {
                seen.alias.split(":")[2]: self.names.number(seen.alias)
                for seen in self._seen.values()
                if seen.alias.startswith(start) and self.names.number(seen.alias)
            }
        )

    def _working_name(self, tap: str) -> str:
        return self.names.new_tap(tap.removeprefix("tap"))

    def _folder(self, kind: str, id: str) -> Path:
        return self.folder / kind / id

    @contextmanager
    def _reporting(self, kind: str, id: str) -> Iterator[None]:
        """Turn an error into a reported failure of one thing, so that all others are still done."""
        try:
            yield
        except NetlinkError as err:
            self._add_failure(kind, id, f"The kernel refused: {os.strerror(err.code)}")
        except (OSError, CloudError) as err:
            self._add_failure(kind, id, str(err))

    def _add_failure(self, kind: str, id: str, cause: str) -> None:
        log.warning("%s %s: %s", kind, id, cause)
        self._failures.append(Failure(kind, id, cause))
