"""What runs: each process with its memory, its port, and whether it is well."""

import json
from pathlib import Path

from pileus_deploy import broker, control_machines, lifecycle, supervisor
from pileus_deploy.broker_control import BrokerFailed
from pileus_deploy.cloud_hosts import Inspected
from pileus_deploy.plan import Plan
from pileus_kit import balancer


def status(plan: Plan) -> int:
    """Print a line for each process. Returns 0 if all are healthy, 1 if one isn't, 2 if the cloud doesn't run."""
    if not supervisor.running(plan.state):
        print(f"The cloud in {plan.state} does not run. Start it with deploy/up.")
        return 2
    known = json.loads((plan.state / "run" / "supervisor.json").read_text())["processes"]
    print(f"{'PROCESS':22} {'PID':>8} {'PSS MiB':>8} {'PORT':>6}  STATE")
    worst, total = 0, 0.0
    for name, about in known.items():
        memory = sum(pss_mib(pid) for pid in process_tree(about["pid"])) if about["pid"] else 0.0
        total += memory
        trouble = _problem(plan, name, about)
        worst |= bool(trouble)
        print(f"{name:22} {about['pid'] or '-':>8} {memory:8.1f} {about['port'] or '':>6}  {trouble or 'healthy'}")
    print(f"{'total':22} {'':8} {total:8.1f}")
    if plan.virtual_address and plan.is_control:
        worst |= _show_control_machines(plan)
    if plan.tls and not plan.controller:
        worst |= _show_machines(plan)
    return worst


def _show_control_machines(plan: Plan) -> bool:
    """Print what HAProxy here knows of each control machine. Returns whether a service of one doesn't answer."""
    try:
        served = balancer.served(plan.state)
    except OSError as err:
        print(f"HAProxy doesn't say how the control machines are: {err}")
        return True
    print(f"\n{'CONTROL MACHINE':22} {'ADDRESS':>26}  STATE")
    down: dict[str, list[str]] = {one.machine: [] for one in served}
    for one in served:
        if not one.is_up:
            down[one.machine].append(one.service)
    for machine in control_machines.all_of(plan):
        missing = down.get(machine.name, [])
        print(f"{machine.name:22} {machine.address:>26}  {'down: ' + ', '.join(missing) if missing else 'up'}")
    return _show_bus(plan) or any(down.values())


def _show_bus(plan: Plan) -> bool:
    """Say if this machine's node of the bus lacks copies of queues, which may be lost with another machine. Returns
    whether it does."""
    try:
        lacking = broker.control(plan).count_lacking()
    except BrokerFailed as err:
        print(f"This machine's node of the bus doesn't answer: {err}")
        return True
    if lacking:
        print(f"This machine's node of the bus has no copy of {lacking} queues yet: don't stop another machine now.")
    return lacking > 0


def _show_machines(plan: Plan) -> bool:
    """Print a line for each machine of the cloud. Returns whether one of them isn't well."""
    from keystoneauth1.exceptions import ClientException

    from pileus_deploy import cloud_hosts
    from pileus_deploy.bootstrap import Cloud
    from pileus_deploy.host_records import HostRecords

    members = {record.name: record for record in HostRecords(plan.state / "registrar").members()}
    if not members:
        return False
    try:
        admin = Cloud(plan, "admin", "admin")
        known, inspected = cloud_hosts.load(admin), cloud_hosts.inspect(admin)
    except ClientException as err:  # which service doesn't answer is shown above
        print(f"The services don't say how the other machines are: {err}")
        return True
    print(f"\n{'MACHINE':22} {'ADDRESS':>26}  STATE")
    states = {name: known[name].state if name in known else "never reported" for name in members}
    for name, record in members.items():
        down = [service for service, state in known[name].services.items() if state != "up"] if name in known else []
        print(f"{name:22} {record.address:>26}  {states[name]}{': ' + ', '.join(down) if down else ''}")
    worst = any(state != "up" for state in states.values())
    print(f"\n{'PROCESS ELSEWHERE':30} {'PID':>8} {'RSS MiB':>8}  STATE")
    for name in members:
        worst |= _show_processes(name, inspected.get(name) or Inspected(silence="has never reported"))
    return worst


def _show_processes(machine: str, found: Inspected) -> bool:
    """Print what a machine says of its processes. Returns whether one of them isn't well."""
    if found.silence:
        print(f"{machine:30} {'-':>8} {'':8}  {_printable(found.silence)}")
        return True
    worst = False
    for process in found.processes:
        name, pid, memory = _printable(f"{machine} {process['name']}"), process["pid"] or "-", process["memory_mib"]
        trouble = process["port_error"] if process["is_running"] else "not running"
        worst |= bool(trouble)
        print(f"{name:30} {pid:>8} {memory:8.1f}  {_printable(trouble) or 'healthy'}")
    return worst


def _printable(text: str) -> str:
    """Return the text without what a terminal would obey: another machine says it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _problem(plan: Plan, name: str, about: dict[str, int]) -> str:
    log = plan.state / "logs" / f"{name}.log"
    if not about["pid"]:
        return f"not running, ended {about['failures']} times in a row; see {log}"
    service, _, role = name.partition("-")
    if role == "api" and not lifecycle.is_healthy(plan, service):
        return f"doesn't answer on port {about['port']}; see {log}"
    return ""


def process_tree(pid: int) -> list[int]:
    """Return the process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(grandchild for child in children for grandchild in process_tree(int(child)))]


def pss_mib(pid: int) -> float:
    """Return memory in MiB, with shared pages counted in proportion."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
