"""The processes of an all-in-one cloud, in the order in which they are stopped backwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pileus_deploy import broker, users
from pileus_deploy.plan import ON_THE_BUS, Plan

WITH_WORKERS = ("network", "volume", "compute", "objectstore")  # image's few flows run beside its API
WITH_AGENTS = ("network", "volume", "compute", "objectstore")
OF_DISKS = (
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "setfcap",
    "sys_admin",
    "sys_chroot",
)
"""For files of many owners, and to put what opens them into a sandbox."""
CAPABILITIES = {
    "compute-agent": OF_DISKS,
    "volume-agent": OF_DISKS,
    # the last one is to know its daemons again, which aren't root
    "network-agent": (
        "chown",
        "dac_override",
        "fowner",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "net_admin",
        "net_raw",
        "net_bind_service",
        "sys_admin",
        "sys_chroot",
        "sys_ptrace",
    ),
}


@dataclass(frozen=True)
class Process:
    """`main` ("package.module:function") is forked from the preloaded supervisor; `command` is executed instead."""

    name: str
    main: str = ""
    arguments: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    port: int | None = None
    stop_signal: int = 15
    user: str = ""
    """Whom it runs as; none: root, with `capabilities` only if it is one of ours."""
    capabilities: tuple[str, ...] | None = None

    @property
    def renewed(self) -> bool:
        """Whether it has to start again when secrets change."""
        return bool(self.main) or self.name == "rabbitmq"


def processes(plan: Plan) -> Sequence[Process]:
    """Infrastructure first, then identity, then everything else."""
    found = [
        Process("epmd", command=broker.mapper_command(plan), port=broker.port(plan) + 1, user=users.BROKER),
        Process(
            "rabbitmq",
            command=broker.command(plan),
            environment=broker.environment(plan),
            port=broker.port(plan),
            user=users.BROKER,
        ),
    ]
    if plan.hypervisor == "libvirt":
        from pileus_deploy import libvirtd

        if not libvirtd.system_runs():
            found += [
                Process("virtlogd", command=tuple(libvirtd.log_command(plan.state))),
                Process("libvirtd", command=tuple(libvirtd.command(plan.state))),
            ]
    for service in ("identity", "image", "network", "volume", "compute", "objectstore"):
        found.append(_python(plan, service, "api", f"pileus_{service}.app:main", plan.port(service)))
        if service in WITH_WORKERS:
            found.append(
                _python(
                    plan,
                    service,
                    "worker",
                    f"pileus_{service}.worker:main",
                    config=None if service in ON_THE_BUS else plan.agent_config_file(service),
                )
            )
        if service in WITH_AGENTS:
            found.append(
                _python(
                    plan,
                    service,
                    "agent",
                    f"pileus_{service}.agent.__main__:main",
                    config=plan.agent_config_file(service),
                )
            )
    return found


def _python(
    plan: Plan, service: str, role: str, main: str, port: int | None = None, config: Path | None = None
) -> Process:
    kept = CAPABILITIES.get(f"{service}-{role}")
    return Process(
        f"{service}-{role}",
        main,
        ("--config", str(config or plan.config_file(service))),
        port=port,
        user="" if kept else users.of(service),
        capabilities=kept,
    )
