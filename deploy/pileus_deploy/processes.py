"""The processes of a machine, in the order in which they start; they stop in the opposite order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pileus_deploy import balancing, broker, haproxy, keepalived, users
from pileus_deploy.plan import SERVICES, Plan
from pileus_kit.service import Service

RENEWAL_CAPABILITIES = ("chown", "dac_override", "fowner")
"""To replace files of several owners."""
SYNC_CAPABILITIES = (*RENEWAL_CAPABILITIES, "kill")
"""To tell HAProxy's master as well, and the supervisor."""


@dataclass(frozen=True)
class Process:
    """One process. `main` ("package.module:function") is forked from the preloaded supervisor; `command` is
    executed."""

    name: str
    main: str = ""
    arguments: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    port: int | None = None
    address: str = "127.0.0.1"
    """Where the port is."""
    stop_signal: int = 15
    user: str = ""
    """The user that it runs as; empty: root, limited to `capabilities` if it is one of our own processes."""
    capabilities: tuple[str, ...] | None = None
    uses_database: bool = False

    @property
    def is_api(self) -> bool:
        """Whether it serves HTTP by `pileus_kit.process.serve_api`, so that two of it can share a socket."""
        return bool(self.main) and (self.name.endswith("-api") or self.name == "registrar")

    @property
    def restarts_for_secrets(self) -> bool:
        """Whether it has to start again when secrets change."""
        return bool(self.main) or self.name == "rabbitmq"


def processes(plan: Plan) -> Sequence[Process]:
    """Return infrastructure first, then identity, then everything else."""
    found = _infrastructure(plan) if plan.is_control else []
    if plan.hypervisor == "libvirt" and plan.runs_agent("compute"):
        from pileus_deploy import libvirtd

        if not libvirtd.system_runs():
            found += [
                Process("virtlogd", command=tuple(libvirtd.log_command(plan.state))),
                Process("libvirtd", command=tuple(libvirtd.command(plan.state))),
            ]
    for service in SERVICES.values():
        found += _of(plan, service)
    if plan.tls:
        found += _for_machines(plan)
    return found


def _infrastructure(plan: Plan) -> list[Process]:
    found = [
        Process("epmd", command=broker.epmd_command(plan), port=broker.port(plan) + 1, user=users.BROKER),
        Process(
            "rabbitmq",
            command=broker.command(plan),
            environment=broker.environment(plan),
            port=broker.port(plan),
            user=users.BROKER,
        ),
    ]
    if plan.tls:
        found.append(Process("haproxy", command=haproxy.command(plan), port=plan.common_port, address=plan.address))
    if plan.virtual_address:
        found.append(Process("keepalived", command=keepalived.command(plan)))
    return found


def _for_machines(plan: Plan) -> Iterator[Process]:
    """Return what makes machines prove themselves to each other."""
    if not plan.controller:
        arguments = ("--config", str(plan.config_file("registrar")))
        yield Process("registrar", "pileus_deploy.registrar:main", arguments, user=users.REGISTRAR)
    if plan.virtual_address and plan.is_control:
        yield Process(
            "control-sync", "pileus_deploy.control_sync:main", (str(plan.state),), capabilities=SYNC_CAPABILITIES
        )
    yield Process("renewal", "pileus_deploy.renewal:main", (str(plan.state),), capabilities=RENEWAL_CAPABILITIES)


def _of(plan: Plan, service: Service) -> Iterator[Process]:
    """Return the processes of one service.

    A worker that doesn't use the bus works for this host only, and reads what its agent reads.
    """
    name, agent_config = service.name, plan.agent_config_file(service.name)
    user = users.user_of(name)
    is_here = plan.is_control and not (plan.controller and name in balancing.ON_THE_FIRST)
    if is_here:
        main, port, stored = f"pileus_{name}.app:main", plan.port(name), service.has_database
        yield _python(plan, name, "api", main, user=user, port=port, address=plan.address, uses_database=stored)
    is_local = service.has_agent and not service.uses_bus and plan.runs_agent(name)
    if service.has_worker and (is_local or is_here):
        config = agent_config if service.has_agent and not service.uses_bus else None
        main, stored = f"pileus_{name}.worker:main", service.has_database
        yield _python(plan, name, "worker", main, user=user, config=config, uses_database=stored)
    if service.has_agent and plan.runs_agent(name):
        kept = service.agent_capabilities or None
        yield _python(
            plan,
            name,
            "agent",
            f"pileus_{name}.agent.__main__:main",
            user="" if kept else user,
            config=agent_config,
            capabilities=kept,
        )


def _python(plan: Plan, service: str, role: str, main: str, *, config: Path | None = None, **facts: Any) -> Process:
    arguments = ("--config", str(config or plan.config_file(service)))
    return Process(f"{service}-{role}", main, arguments, **facts)
