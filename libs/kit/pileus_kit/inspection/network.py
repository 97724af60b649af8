"""Inspects the networks of a machine: interfaces, namespaces, rules, and DHCP servers."""

import json
from collections.abc import Iterator
from pathlib import Path

from pileus_kit.inspection.commands import is_running, output
from pileus_kit.inspection.facts import DeadDhcp, NetworkFacts


def inspect_network(prefix: str) -> NetworkFacts:
    """Return what has the cloud's prefix, and all taps."""
    try:
        return _inspect(prefix)
    except OSError as err:
        return NetworkFacts(prefix=prefix, unreadable=str(err))


def _inspect(prefix: str) -> NetworkFacts:
    links = [str(link["ifname"]) for link in json.loads(output("ip", "-json", "link"))]
    found = [line.split()[0] for line in output("ip", "netns").splitlines() if line.strip()]
    namespaces = tuple(sorted(name for name in found if name.startswith(f"{prefix}-")))
    tables = [line.removeprefix("table ").strip() for line in output("nft", "list", "tables").splitlines()]
    return NetworkFacts(
        prefix=prefix,
        interfaces=tuple(sorted(name for name in links if name.startswith(("tap", prefix)))),
        namespaces=namespaces,
        tables=tuple(table for table in tables if table.endswith(f" pileus_{prefix}")),
        dead_dhcp=tuple(_dead_dhcp(prefix, namespaces)),
    )


def _dead_dhcp(prefix: str, namespaces: tuple[str, ...]) -> Iterator[DeadDhcp]:
    for name in namespaces:
        if not name.startswith(f"{prefix}-dhcp-"):
            continue
        file = Path(f"/run/pileus-{prefix}/dhcp/{name.removeprefix(f'{prefix}-dhcp-')}/pid")
        pid = int(file.read_text() or 0) if file.exists() else None
        if pid is not None and not is_running(pid):
            yield DeadDhcp(name, pid)
