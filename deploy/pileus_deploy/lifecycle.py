"""up, down, reset: the whole cloud as one thing."""

import errno
import ipaddress
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pileus_deploy import (
    bootstrap,
    broker,
    configs,
    control_machines,
    databases,
    host_network,
    libvirtd,
    object_hosts,
    plan_files,
    privileges,
    state_permissions,
    supervisor,
    systemd_unit,
    users,
)
from pileus_deploy.plan import PORTS, Plan
from pileus_deploy.processes import Process, processes
from pileus_deploy.progress import step, wait_for, wait_until_complete
from pileus_kit.file_modes import use_private_umask

CHECKOUT = Path(__file__).resolve().parents[2]
MIN_FREE_BYTES = 1 << 30  # bytes of free disk below which starting is pointless
SETTLE_TIMEOUT_S = 900.0  # seconds for the host to report itself while its processes live
COPIES_TIMEOUT_S = 60.0
PORTS_TIMEOUT_S = 20.0  # seconds that processes of a cloud that was cut off may take to end


class NotReady(RuntimeError):
    """The reason why this machine can't run the cloud now, as a message for the operator."""


def up(plan: Plan, demo: bool = True) -> None:
    """Start the cloud, or complete one that was started halfway; then boot the first server."""
    if supervisor.running(plan.state):
        check_release(plan)
        print(f"The cloud in {plan.state} runs already; checking host and contents.")
        host_network.prepare(plan)
    else:
        _start(plan)
    with step("flavors, networks, image"):
        bootstrap.create_resources(plan, guest_image(plan))
    with step("this host offers itself"):
        admin = bootstrap.Cloud(plan, "admin", "admin")
        wait_until_complete(
            SETTLE_TIMEOUT_S, lambda: bootstrap.unsettled(admin), lambda: _why_host_failed(plan), every=0.3
        )
    login = ""
    if demo:
        from pileus_deploy.demo import first_server

        login = first_server(plan)
    if systemd_unit.install(plan):
        print(f"It starts with this machine; `systemctl disable {systemd_unit.unit_name(plan)}` prevents that.")
    warn_of_plain_text(plan)
    print(summary(plan, login))


def check_release(plan: Plan) -> None:
    """Raise NotReady if the running cloud is of another release."""
    found = json.loads((plan.state / "run" / "supervisor.json").read_text()).get("release", {})
    if found.get("checkout", str(CHECKOUT)) != str(CHECKOUT):
        raise NotReady(
            f"the cloud in {plan.state} runs release {found['version']} in {found['checkout']}: deploy/up there looks "
            "after it, and deploy/upgrade here brings it to this release"
        )


def warn_of_plain_text(plan: Plan) -> None:
    """Warn that passwords and tokens travel unencrypted, if the address isn't the loopback one."""
    if not plan.tls and not ipaddress.ip_address(plan.address).is_loopback:
        print(
            f"WARNING: the APIs listen on {plan.address} without TLS: whoever can listen in on that network reads "
            "passwords and tokens. `deploy/up --tls` encrypts them.",
            file=sys.stderr,
        )


def _start(plan: Plan) -> None:
    use_private_umask()  # for the calling program and everything that it starts
    with step("room"):
        broker.stop_epmd(plan)
        check_disk_access(plan)
        check_capacity(plan)  # nothing stands on this plan yet, so the next try may have another offset
    with step("host and configuration"):
        for name in ("run", "logs", "databases", "etc"):
            (plan.state / name).mkdir(parents=True, exist_ok=True)
        users.ensure()
        state_permissions.correct(plan)
        if plan.tls:
            from pileus_deploy import tls

            tls.prepare(plan)
        configs.write(plan)
        broker.prepare(plan)
        users.set_owners(plan)
        host_network.prepare(plan)
    with step("databases"):
        migrate(plan)
        run_as(plan, "identity", lambda: bootstrap.bootstrap_identity(plan))
        bootstrap.write_credentials(plan)
    with step("processes") as remark:
        pid = supervisor.daemonize(plan, processes(plan), between=lambda: stop_guests(plan))
        remark(f"supervisor {pid}")
    for service in PORTS:
        with step(f"{service} answers on port {plan.port(service)}"):
            wait_for(
                service,
                120,
                partial(is_healthy, plan, service),
                failed=partial(_why_failed, plan, pid, f"{service}-api"),
            )
    if plan.virtual_address and control_machines.others(plan):
        _share_queues(plan)


def up_member(plan: Plan) -> None:
    """Start the processes of a machine that joined a cloud; the cloud's APIs and broker run on its controller."""
    if supervisor.running(plan.state):
        print(f"This machine's processes run already, for the cloud at {plan.controller}.")
        host_network.prepare(plan)
        return
    with step("configuration and network of this machine"):
        check_disk_access(plan)
        check_capacity(plan)
        for name in ("run", "logs", "etc"):
            (plan.state / name).mkdir(parents=True, exist_ok=True)
        users.ensure()
        state_permissions.correct(plan)
        if plan.is_control:
            _prepare_control(plan)
        configs.write(plan)
        users.set_owners(plan)
        host_network.prepare(plan)
        if plan.runs_agent("objectstore"):
            object_hosts.format_devices(plan)
    wanted = processes(plan)
    with step("processes") as remark:
        pid = supervisor.daemonize(plan, wanted, between=lambda: stop_guests(plan))
        remark(", ".join(process.name for process in wanted))
    for process in wanted:
        with step(f"{process.name} runs"):
            wait_for(
                process.name,
                120,
                partial(supervisor.is_steady, plan.state, process.name),
                failed=partial(_why_failed, plan, pid, process.name),
            )
    if plan.is_control:
        _share_queues(plan)
    if plan.runs_agent("objectstore"):
        with step("its devices take objects") as remark:
            remark(object_hosts.enter_rings(plan))
    systemd_unit.install(plan)
    print(f"This machine is {plan.host} in the cloud at {plan.controller}. `pileus host list` there shows it.")


def _share_queues(plan: Plan) -> None:
    """Wait until this machine's node has copies of all queues: before that, another machine must not be lost."""
    with step("its node of the bus has copies of all queues") as remark:
        try:
            wait_for("copies of queues", COPIES_TIMEOUT_S, partial(broker.have_copies, plan), every=1.0)
        except TimeoutError:  # other machines of a queue are away: it has its copy when they are back
            remark("not yet; deploy/status says when")


def _prepare_control(plan: Plan) -> None:
    """Write what the bus, HAProxy and keepalived of a further control machine read."""
    from pileus_deploy import tls

    broker.stop_epmd(plan)
    (plan.state / "databases").mkdir(exist_ok=True)
    tls.prepare_servers(plan)
    broker.prepare(plan)
    bootstrap.write_credentials(plan)


def _why_host_failed(plan: Plan) -> str | None:
    """A busy machine may take minutes, but a process that can't be kept alive never becomes ready."""
    pid = supervisor.running(plan.state)
    if pid is None:
        return f"the supervisor ended; see {plan.state}/logs/supervisor.log"
    waited_for = (f"{service}-{role}" for service in ("compute", "network", "volume") for role in ("worker", "agent"))
    return next(filter(None, (_why_failed(plan, pid, process) for process in waited_for)), None)


def check_disk_access(plan: Plan) -> None:
    """Raise Unready where guests would have to run as root because their own users couldn't reach their disks."""
    closed = libvirtd.closed(plan.state) if plan.hypervisor == "libvirt" else None
    if closed:
        raise NotReady(
            f"guests couldn't reach their disks in {plan.state}, as {closed} lets only its owner pass: use "
            f"another --state, or chmod o+x {closed}"
        )


def check_capacity(plan: Plan) -> None:
    """Raise Unready if the disk is full, or another program uses our ports."""
    free = shutil.disk_usage(plan.state).free
    if free < MIN_FREE_BYTES:
        raise NotReady(f"only {free >> 20} MiB are free in {plan.state}; a cloud needs {MIN_FREE_BYTES >> 20} to start")
    taken: list[str] = []

    def all_free() -> bool:
        taken[:] = [why for process in processes(plan) if (why := _port_conflict(plan, process))]
        return not taken

    try:
        wait_for("ports", PORTS_TIMEOUT_S, all_free, every=0.5)
    except TimeoutError:
        raise NotReady(f"{'; '.join(taken)} (`ss -ltnp` shows by whom); --offset moves all ports") from None


def _port_conflict(plan: Plan, process: Process) -> str | None:
    if process.port is None:
        return None
    address = process.address
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, process.port))
        except OSError as err:
            if err.errno != errno.EADDRINUSE:
                raise NotReady(f"{address}: {err.strerror}") from None
            return f"port {process.port} for {process.name} is taken"
    return None


def _why_failed(plan: Plan, pid: int, process: str) -> str | None:
    """Return why waiting longer for a process is pointless, or None."""
    if not supervisor.running(plan.state) and not _starting(pid):
        return f"the supervisor ended; see {plan.state}/logs/supervisor.log"
    file = plan.state / "run" / "supervisor.json"
    known = json.loads(file.read_text())["processes"].get(process, {}) if file.exists() else {}
    if known.get("failures", 0) >= 3:
        return f"it ended {known['failures']} times in a row; see {plan.state}/logs/{process}.log"
    return None


def _starting(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return False


def migrate(plan: Plan) -> None:
    """Make the object store's devices, and bring every service's database to its newest revision."""
    from pileus_objectstore.manage import main as objectstore

    file = str(plan.config_file("objectstore"))
    run_as(plan, "objectstore", lambda: objectstore(["--config", file, "all-in-one"]))
    migrate_databases(plan)


def migrate_databases(plan: Plan) -> None:
    """Make the services' databases if they are to be made, and migrate them to their newest revision."""
    from pileus_deploy import upgrade_databases

    databases.prepare(plan)
    upgrade_databases.migrate(plan)


def run_as(plan: Plan, service: str, work: Callable[[], object]) -> None:
    """Run a function as the service's own user, so that the files that it makes belong to that user."""
    privileges.as_user(users.user_of(service), users.GROUP, work, [plan.state])


def is_healthy(plan: Plan, service: str) -> bool:
    try:
        trusting = ssl.create_default_context(cafile=plan.tls_file("authorities.pem")) if plan.tls else None
        url = f"{plan.url(service)}/healthcheck"
        with urllib.request.urlopen(url, timeout=5, context=trusting) as answer:  # noqa: S310 -- our own URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def guest_image(plan: Plan) -> Path:
    """Return the test image; build it from Debian packages if it doesn't exist."""
    image = plan.state / "cache" / "pileus-test.qcow2"
    image.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [str(CHECKOUT / "deploy" / "guest-image" / "build"), str(image)],
        check=True,
        stdout=sys.stderr if sys.stdout.isatty() else subprocess.DEVNULL,
    )
    return image


def down(plan: Plan) -> None:
    """Stop guests (asked first, then switched off), all processes, and what they made on the host."""
    pid = supervisor.running(plan.state)
    if pid:
        with step("guests and processes"):
            os.kill(pid, signal.SIGTERM)
            wait_for("supervisor", 120, lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid))
    if not (plan.state / "etc").exists():
        return  # this cloud never got far enough to make anything; what has its names belongs to another cloud
    if plan.is_control:
        broker.stop_epmd(plan)
    with step("network and volume exports"):
        _clear(plan, "volume")
        _clear(plan, "network")
        host_network.clear(plan)


def stop_guests(plan: Plan) -> None:
    """Stop guests while libvirtd still runs and the control plane has ended, so that they are recorded as running."""
    if plan.hypervisor == "libvirt" and (libvirtd.system_runs() or libvirtd.answers(plan.state)):
        libvirtd.stop_guests(libvirtd.uri(plan.state), plan.prefix, plan.state)


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def _clear(plan: Plan, service: str) -> None:
    """Remove what a service made on this host; agents leave it in place on purpose when they end."""
    file = plan.agent_config_file(service)
    driver = plan.driver_of_network if service == "network" else plan.driver_of_volume
    if file.exists() and driver != "fake":
        host_network.run(sys.executable, "-m", f"pileus_{service}.agent", "--config", str(file), "--clear")


def reset(plan: Plan) -> None:
    """Stop the cloud and delete its state directory."""
    down(plan)
    with step(f"remove {plan.state}"):
        for entry in plan.state.iterdir():
            if entry.name != plan_files.PLAN:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        (
            plan.state / plan_files.PLAN
        ).unlink()  # the last step, so that an operator who interrupts here can repeat the command
        if not plan.state.is_mount():
            plan.state.rmdir()


def summary(plan: Plan, login: str) -> str:
    lines = [
        "",
        "Your cloud is up. Try:",
        f"  export OS_CLIENT_CONFIG_FILE={plan.state}/clouds.yaml OS_CLOUD=pileus",
        "  pileus server list       # as all of `pileus`, in .venv/bin",
    ]
    if login:
        lines.append(f"  {login}")
    return "\n".join(
        [
            *lines,
            "  deploy/status        what runs, and how it is",
            "  deploy/down          stop it; deploy/up continues",
            "",
        ]
    )
