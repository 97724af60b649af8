"""The plan with which the cloud in a state directory was last started, in STATE/plan.json."""

import json
from dataclasses import fields
from pathlib import Path

from pileus_deploy.plan import Plan, write_private

PLAN = "plan.json"


def load(state: Path) -> Plan | None:
    """Return the plan; None if there is no cloud."""
    file = state / PLAN
    if not file.exists():
        return None
    known = {one.name for one in fields(Plan)}  # a newer release, from which the cloud came back, may know more
    values = {name: value for name, value in json.loads(file.read_text()).items() if name in known}
    tuples = {name: tuple(values.get(name, ())) for name in ("roles", "brokers", "control_machines")}
    return Plan(state, **values | tuples)


def save(plan: Plan) -> None:
    """Write the plan, with which the next `up` starts the cloud again.

    It is for root alone, as a database's URL has a password, and it changes as a whole.
    """
    always = {"address": plan.address, "offset": plan.offset, "hypervisor": plan.hypervisor}
    new = plan.state / f"{PLAN}.new"
    write_private(new, json.dumps(always | plan.settings()))
    new.replace(plan.state / PLAN)
