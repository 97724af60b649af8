"""The command behind deploy/up, deploy/down, deploy/status and deploy/reset."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from pileus_deploy import lifecycle, secret_rotation, uninstall
from pileus_deploy.plan import OFFSETS, Plan
from pileus_deploy.status import status
from pileus_kit.file_modes import use_private_umask


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    if os.geteuid() != 0:
        print("Pileus makes virtual machines and networks: run this as root.", file=sys.stderr)
        return 2
    use_private_umask()
    try:
        return _run(arguments)
    except (
        RuntimeError,
        TimeoutError,
    ) as err:  # the message says why; any other exception is a bug and shows its traceback
        print(f"deploy/{arguments.command}: {err}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    state = arguments.state.resolve()
    os.environ["PILEUS_STATE"] = str(
        state
    )  # services read these variables before their files, so one that was left behind would win
    known = lifecycle.load_plan(state)
    if known is None and arguments.command != "up":
        print(f"There is no cloud in {state}; deploy/up makes one.")
        return 2 if arguments.command == "status" else 0
    plan = known or Plan(state)
    if arguments.command == "up":
        changes = {
            name: getattr(arguments, name)
            for name in ("address", "offset", "hypervisor")
            if getattr(arguments, name) is not None
        }
        if plan.state.joinpath("databases").exists() and changes.get("offset", plan.offset) != plan.offset:
            print(
                f"The cloud in {plan.state} has offset {plan.offset}, and its networks stand on it: use another "
                "--state, or deploy/reset first.",
                file=sys.stderr,
            )
            return 2
        plan = replace(plan, **changes)
        lifecycle.save_plan(plan)
        lifecycle.up(plan, demo=not arguments.no_demo and plan.hypervisor != "fake")  # no guest answers there
    elif arguments.command == "status":
        return status(plan)
    elif arguments.command == "rotate":
        secret_rotation.rotate(plan, arguments.what)
    elif arguments.command == "uninstall":
        return uninstall.uninstall(plan, arguments.yes)
    else:
        getattr(lifecycle, arguments.command)(plan)
    return 0


def _offset(text: str) -> int:
    if not text.isdecimal() or int(text) not in OFFSETS:
        raise argparse.ArgumentTypeError(f"an offset is a number from 0 to {OFFSETS[-1]}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy", description="An OpenStack-compatible cloud on this machine.")
    parser.add_argument("command", choices=["up", "down", "status", "reset", "rotate", "uninstall"])
    parser.add_argument(
        "what",
        nargs="?",
        choices=[*secret_rotation.KINDS, "all"],
        default="all",
        help="rotate: which passwords or keys (default %(default)s)",
    )
    parser.add_argument("--yes", action="store_true", help="uninstall: don't ask")
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(os.environ.get("PILEUS_STATE", "/var/lib/pileus")),
        help="directory of everything the cloud knows (default %(default)s)",
    )
    parser.add_argument("--no-demo", action="store_true", help="up: don't boot a first server")
    parser.add_argument("--address", help="up: address on which the APIs listen (default 127.0.0.1)")
    parser.add_argument(
        "--offset",
        type=_offset,
        metavar=f"0..{OFFSETS[-1]}",
        help="up: added to every port, for a second cloud beside the first",
    )
    parser.add_argument("--hypervisor", choices=["libvirt", "fake"], help="up: fake plays a host without guests")
    return parser


if __name__ == "__main__":
    sys.exit(main())
