"""The machines of the cloud: this one inspected here, the others by their agents, which the services ask."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from pileus_cli.context import Context
from pileus_cli.errors import Refused, Unreachable
from pileus_cli.json_types import JsonObject
from pileus_cli.people.findings import Finding
from pileus_cli.people.machine import Machine, Records, is_here

WITH_AGENTS = ("compute", "network", "volume")
PARTS = ("guests", "network", "volumes")
SKEW_S = 5.0
PAGE = 50


def asked(context: Context, service: str) -> Iterator[JsonObject]:
    """Yield what each host of a service finds on its machine, page after page. None of a service of another cloud."""
    marker = ""
    while True:
        query = {"limit": PAGE} | ({"marker": marker} if marker else {})
        try:
            rows = context.cloud.call(service, "GET", "/operations/hosts", query=query)["hosts"]
        except Refused as err:
            if err.status == 404:
                return
            raise
        yield from rows
        if len(rows) < PAGE:
            return
        marker = rows[-1]["host"]


class Machines:
    """All machines of the cloud. `state` is the directory of this machine's part, if it has one. What couldn't be
    asked is in `troubles`."""

    def __init__(self, context: Context, state: Path) -> None:
        self._context, self._records = context, Records(context)
        self.troubles: list[Finding] = []
        self._local = self._inspect_here(state) if is_here(context, state) else None
        self.here = str(self._local["host"]) if self._local else ""
        """The name of this machine in the cloud; empty if it isn't part of it."""
        self.answers: dict[str, dict[str, JsonObject]] = {}
        """What the services say of every other machine: {host: {service: answer}}."""
        for service in filter(context.cloud.offers, WITH_AGENTS):
            self._ask(service)

    def _inspect_here(self, state: Path) -> JsonObject | None:
        from pileus_kit.inspection import inspect_here  # is installed where a cloud is

        try:
            return asdict(inspect_here(state))
        except OSError as err:
            self._could_not_ask("this machine", err)
            return None

    def _ask(self, service: str) -> None:
        try:
            for row in asked(self._context, service):
                if row["host"] != self.here:
                    self.answers.setdefault(row["host"], {})[service] = row
        except (Refused, Unreachable) as err:
            self._could_not_ask(f"machines of {service}", err)

    def _could_not_ask(self, what: str, err: Exception) -> None:
        self.troubles.append(Finding("machines", "error", what, "they couldn't be asked", str(err), "deploy/status"))

    @property
    def inspected(self) -> Iterator[Machine]:
        """Every machine that could be inspected, this one first."""
        if self._local:
            yield Machine(self.here, self._local, self._records)
        for host, services in sorted(self.answers.items()):
            inspections = [row["inspection"] for row in services.values() if row["inspection"]]
            if inspections:
                parts = {part: next((one[part] for one in inspections if one[part]), None) for part in PARTS}
                yield Machine(host, {"machine": inspections[0]["machine"], "devices": [], **parts}, self._records)


def silent(machines: Machines) -> Iterable[Finding]:
    """Find machines and agents that don't answer, and clocks and versions that differ."""
    yield from machines.troubles
    for host, services in sorted(machines.answers.items()):
        silences = {name: row["silence"] for name, row in services.items() if row["silence"]}
        if len(silences) == len(services):
            why = next(iter(silences.values()))
            cause = "none of its agents answers"
            yield Finding("silent machines", "error", host, cause, f"it {why}", "deploy/up", host)
            continue
        for name, why in silences.items():
            agent = f"{name}-agent of {host}"
            yield Finding("silent agents", "error", agent, "it doesn't answer", f"it {why}", "deploy/up", host)
        skew = max((row["clock_skew_s"] or 0.0 for row in services.values()), key=abs)
        if abs(skew) > SKEW_S:
            evidence = f"{skew:+.0f} s against the controller's"
            mend = "set the clock (chrony, systemd-timesyncd)"
            yield Finding("clocks", "error", host, "its clock differs from the cloud's", evidence, mend, host)
    versions: dict[str, list[str]] = {}
    for one in machines.inspected:
        versions.setdefault(one.facts["version"], []).append(one.host)
    if len(versions) > 1:
        evidence = "; ".join(f"{version}: {', '.join(hosts[:10])}" for version, hosts in sorted(versions.items()))
        yield Finding("versions", "info", f"{len(versions)} versions", "machines run different ones", evidence)
