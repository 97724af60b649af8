"""`pileus host list|show|drain|resume|remove`: the machines of this cloud, on the machine that runs its APIs."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from pileus_deploy import cloud_hosts, control_machines, held_data, membership, plan_files
from pileus_deploy.bootstrap import Cloud
from pileus_deploy.cloud_hosts import CloudHost
from pileus_deploy.host_records import HostRecord, HostRecords
from pileus_deploy.membership import NoMembers
from pileus_deploy.plan import Plan
from pileus_deploy.progress import step
from pileus_kit import balancer

WITHOUT_NAME = ("list",)


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns 0, 1 if it failed, or 2 if there is no such cloud or machine."""
    from keystoneauth1.exceptions import ClientException

    given = _parser().parse_args(argv)
    plan = plan_files.load(given.state.resolve()) if os.access(given.state / plan_files.PLAN, os.R_OK) else None
    if plan is None:
        print(f"There is no cloud in {given.state} that you may look into.", file=sys.stderr)
        return 2
    try:
        if plan.controller:
            raise NoMembers(f"this machine joined the cloud at {plan.controller}; run this there")
        return COMMANDS[given.command](plan, given)
    except (RuntimeError, OSError, ClientException) as err:
        print(f"pileus host {given.command}: {err}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    default = Path(os.environ.get("PILEUS_STATE", "/var/lib/pileus"))
    common.add_argument("--state", type=Path, default=default, help="the cloud's directory (default %(default)s)")
    top = argparse.ArgumentParser(prog="pileus host", description="The machines of this cloud.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = commands.add_parser(name, help=HELP[name], description=HELP[name], parents=[common])
        if name not in WITHOUT_NAME:
            command.add_argument("name")
        if name == "remove":
            command.add_argument(
                "--force",
                action="store_true",
                help="also with servers, volumes or objects on it: what is nowhere else is lost",
            )
    return top


def _admin(plan: Plan) -> Cloud:
    return Cloud(plan, "admin", "admin")


def _hosts(plan: Plan, members: Mapping[str, HostRecord]) -> dict[str, CloudHost]:
    """Every machine as the services see it; those that only keep objects are known to the rings."""
    admin = _admin(plan)
    known = cloud_hosts.load(admin)
    held_data.add_object_hosts(plan, admin, members, known)
    return known


def _members(plan: Plan) -> dict[str, HostRecord]:
    return {record.name: record for record in HostRecords(plan.state / "registrar").members()}


def _list(plan: Plan, given: argparse.Namespace) -> int:
    members, serving = _members(plan), _serving(plan)
    known = _hosts(plan, members)
    print(f"{'NAME':24} {'ADDRESS':16} {'ROLES':28} STATE")
    for name in sorted(members.keys() | known.keys()):
        record, host = members.get(name), known.get(name)
        address = record.address if record else plan.address if name == plan.host else "-"
        state = _state(host) if host or not record else serving.get(name, _state(None))
        print(f"{name:24} {address:16} {_roles(plan, name, record):28} {state}")
    return 0


def _serving(plan: Plan) -> dict[str, str]:
    """Return whether the services of control machines answer, as HAProxy here finds, by machine."""
    try:
        served = balancer.served(plan.state) if plan.virtual_address else []
    except OSError:
        return {}
    down = {one.machine for one in served if not one.is_up}
    return {one.machine: "down" if one.machine in down else "up" for one in served}


def _roles(plan: Plan, name: str, record: HostRecord | None) -> str:
    return ",".join(record.roles) if record else "controller" if name == plan.host else "removed"


def _state(host: CloudHost | None) -> str:
    if host is None:
        return "never reported"
    return f"{host.state}, drained" if host.is_drained else host.state


def _show(plan: Plan, given: argparse.Namespace) -> int:
    admin = _admin(plan)
    host, record = _find(plan, _hosts(plan, _members(plan)), given.name)
    values: dict[str, object] = {"name": given.name, "roles": _roles(plan, given.name, record), "state": _state(host)}
    if record:
        values["address"] = record.address
        values["joined"] = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.joined_at))
        values["certificates"] = f"{len(record.serials)}, the newest {record.serials[-1]}"
    for service, state in sorted(host.services.items()) if host else ():
        values[service] = state
    servers = cloud_hosts.servers_on(admin, given.name)
    values |= held_data.count(plan, admin, record, host)
    values["servers"] = f"{len(servers)}: {', '.join(servers[:10])}" if servers else "0"
    for key, value in values.items():
        print(f"{key:14} {value}")
    return 0


def _find(plan: Plan, known: Mapping[str, CloudHost], name: str) -> tuple[CloudHost | None, HostRecord | None]:
    host, record = known.get(name), _members(plan).get(name)
    if host is None and record is None:
        raise NoMembers(f"there is no machine called {name}; `pileus host list` shows them")
    return host, record


def _drain(plan: Plan, given: argparse.Namespace) -> int:
    """Nothing new is placed there, and DHCP, routers and objects move; servers and volumes stay."""
    admin = _admin(plan)
    known = _hosts(plan, _members(plan))
    host, record = _find(plan, known, given.name)
    if host is None:
        raise NoMembers(f"{given.name} has never reported, so nothing is on it")
    with step(f"nothing new is placed on {host.name}"):
        cloud_hosts.set_drained(admin, host, True)
    if record and held_data.keeps_objects(record):
        with step("objects move away") as remark:
            remark(held_data.drain_objects(plan, record))
    others = [one for one in known.values() if one is not host and one.agents and not one.is_drained]
    others = [one for one in others if one.services["network"] == "up"]
    with step("DHCP and routers move") as remark:
        others.sort(key=lambda one: one.name != plan.host)
        moved, kept = cloud_hosts.move_network_services(admin, host, others)
        remark(str(moved))
    if kept:
        print(f"No other machine is connected to what these need, so they stay: {', '.join(kept[:10])}")
    volumes = held_data.volumes_on(admin, host)
    if volumes:
        print(f"{len(volumes)} volumes stay until they are moved or deleted: {', '.join(volumes[:10])}")
    servers = cloud_hosts.servers_on(admin, host.name)
    if servers:
        print(f"{len(servers)} servers stay until they are moved or deleted: {', '.join(servers[:10])}")
    return 0


def _resume(plan: Plan, given: argparse.Namespace) -> int:
    admin = _admin(plan)
    host, record = _find(plan, _hosts(plan, _members(plan)), given.name)
    if host is None:
        raise NoMembers(f"{given.name} has never reported")
    with step(f"{host.name} takes servers, volumes and networks again"):
        cloud_hosts.set_drained(admin, host, False)
    if record and held_data.keeps_objects(record):
        with step("it takes objects again"):
            held_data.resume_objects(plan, record)
    return 0


def _remove(plan: Plan, given: argparse.Namespace) -> int:
    record = _members(plan).get(given.name)
    known_roles = record.roles if record else ()
    if given.force:
        with step(f"{given.name} may do nothing any more"):  # whatever the services say, or if they say nothing
            membership.remove(plan, given.name)
        _withdraw_volumes(plan, given.name)
    admin = _admin(plan)
    record = HostRecords(plan.state / "registrar").find(given.name)
    host = _hosts(plan, _members(plan)).get(given.name)
    if not given.force:
        held_data.check_empty(plan, admin, record, host)
    servers = cloud_hosts.servers_on(admin, given.name) if host else []
    if servers and not given.force:
        raise NoMembers(
            f"{given.name} has {len(servers)} servers ({', '.join(servers[:5])}); `pileus host drain {given.name}` "
            "first, and move or delete them, or use --force if the machine is lost"
        )
    if not given.force:
        with step(f"{given.name} may do nothing any more"):
            membership.remove(plan, given.name)
        _withdraw_volumes(plan, given.name)
    if control_machines.ROLE in known_roles:
        print(
            f"{given.name} knows the passwords and keys of the services: `pileus cloud rotate` gives the others new "
            "ones. Its node stays in the bus until `rabbitmqctl forget_cluster_node`."
        )
    if record and held_data.keeps_objects(record):
        with step("the rings forget it") as remark:
            remark(held_data.leave_rings(plan, record))
    if host:
        with step("the services forget it") as remark:
            cloud_hosts.set_drained(admin, host, True)
            for why in cloud_hosts.forget(admin, host):
                remark(f"{why}; `pileus host remove {given.name}` completes it")
    return 0


def _withdraw_volumes(plan: Plan, name: str) -> None:
    with step("its servers have no volumes any more") as remark:
        remark(str(cloud_hosts.withdraw_volumes(plan, name)))


COMMANDS = {"list": _list, "show": _show, "drain": _drain, "resume": _resume, "remove": _remove}
HELP = {
    "list": "Show every machine, its roles, and whether it reports",
    "show": "Show one machine, its services and its servers",
    "drain": "Place nothing new on a machine, and move DHCP, routers and objects away",
    "resume": "Let a drained machine take servers again",
    "remove": "End everything that a machine may do in this cloud",
}


if __name__ == "__main__":
    sys.exit(main())
