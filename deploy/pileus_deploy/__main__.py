"""The command behind deploy/up, deploy/down, deploy/status, deploy/reset and deploy/join, and `pileus host`."""

import argparse
import os
import sys
from dataclasses import replace

from pileus_deploy import arguments, control_machines, lifecycle, pauses, plan_files, secret_rotation, uninstall
from pileus_deploy.plan import Plan
from pileus_deploy.status import status
from pileus_kit.file_modes import use_private_umask

CHOSEN = (
    "address",
    "offset",
    "hypervisor",
    "database",
    "network_driver",
    "volume_driver",
    "volume_backends",
    "image_stores",
    "image_output_format",
    "tls",
    "certificate",
    "key",
    "authorities",
    "virtual_address",
)
"""The options of `up` that are kept in the plan."""


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["host"]:
        from pileus_deploy import host_commands

        return host_commands.main(words[1:])
    given = arguments.parser().parse_args(words)
    if os.geteuid() != 0:
        print("Pileus makes virtual machines and networks: run this as root.", file=sys.stderr)
        return 2
    use_private_umask()
    try:
        return _run(given)
    except (
        RuntimeError,
        TimeoutError,
    ) as err:  # the message says why; any other exception is a bug and shows its traceback
        print(f"deploy/{given.command}: {err}", file=sys.stderr)
        return 1


def _run(given: argparse.Namespace) -> int:
    state = given.state.resolve()
    os.environ["PILEUS_STATE"] = str(
        state
    )  # services read these variables before their files, so one that was left behind would win
    known = plan_files.load(state)
    if given.command == "join":
        from pileus_deploy import join

        join.join(state, given.line, given.name)
        return 0
    if known is None and given.command != "up":
        print(f"There is no cloud in {state}; deploy/up makes one.")
        return 2 if given.command in ("status", "invite", "upgrade") else 0
    plan = known or Plan(state)
    _check_place_and_time(plan, given.command)
    if given.command == "up":
        return _up(plan, given)
    if given.command == "status":
        return status(plan)
    if given.command == "rotate":
        secret_rotation.rotate(plan, given.what)
    elif given.command == "database":
        from pileus_deploy import database_move

        database_move.run(plan, given.action, given.url)
    elif given.command == "upgrade":
        from pileus_deploy import upgrade

        upgrade.run(plan, given.action)
    elif given.command == "uninstall":
        return uninstall.uninstall(plan, given.yes)
    elif given.command == "invite":
        from pileus_deploy import membership

        print(membership.invite(plan, given.roles))
    else:
        getattr(lifecycle, given.command)(plan)
    return 0


def _check_place_and_time(plan: Plan, command: str) -> None:
    """Raise RuntimeError if the command must not run on this machine, or not now."""
    if command in ("up", "rotate", "upgrade") and pauses.is_wanted(plan.state):
        raise RuntimeError("the databases are being moved; wait for the end of `pileus cloud database move`")
    if command == "database" and plan.virtual_address and control_machines.others(plan):
        raise RuntimeError("the other control machines use these databases, too: a cloud with several can't move them")
    if command in ("rotate", "database") and plan.controller:
        raise RuntimeError(f"this machine joined the cloud at {plan.controller}; run this there")


def _up(plan: Plan, given: argparse.Namespace) -> int:
    changes = {name: getattr(given, name) for name in CHOSEN if getattr(given, name) is not None}
    refused = _why_refused(plan, changes)
    if refused:
        print(refused, file=sys.stderr)
        return 2
    plan = replace(plan, **changes)
    plan_files.save(plan)
    if plan.controller:
        lifecycle.up_member(plan)
    else:
        lifecycle.up(plan, demo=not given.no_demo and plan.hypervisor != "fake")  # no guest answers there
    return 0


def _why_refused(plan: Plan, changes: dict[str, object]) -> str:
    """Return why these options can't be; empty if they can."""
    if plan.state.joinpath("databases").exists() and changes.get("offset", plan.offset) != plan.offset:
        return (
            f"The cloud in {plan.state} has offset {plan.offset}, and its networks stand on it: use another "
            "--state, or deploy/reset first."
        )
    if plan.state.joinpath("databases").exists() and changes.get("database", plan.database) != plan.database:
        return f"The cloud in {plan.state} has its databases elsewhere: `pileus cloud database move URL` moves them."
    own = {"hypervisor", "network_driver", "volume_driver", "volume_backends"}
    if plan.controller and changes.keys() - (own | {"image_stores", "image_output_format"} if plan.is_control else own):
        return f"This machine joined the cloud at {plan.controller}; such options are for the machine there."
    why = control_machines.why_refused(replace(plan, **changes), plan)  # type: ignore[arg-type]
    if why:
        return why
    if bool(changes.get("certificate")) != bool(changes.get("key")):
        return "--certificate and --key go together."
    if changes.get("certificate") and not (plan.tls or changes.get("tls")):
        return "--certificate is for a cloud with --tls."
    return ""


if __name__ == "__main__":
    sys.exit(main())
