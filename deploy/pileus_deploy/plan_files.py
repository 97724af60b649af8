"""The plan with which the cloud in a state directory was last started, in STATE/plan.json."""

import json
from pathlib import Path

from pileus_deploy.plan import Plan

PLAN = "plan.json"


def load(state: Path) -> Plan | None:
    """Return the plan; None if there is no cloud."""
    file = state / PLAN
    if not file.exists():
        return None
    values = json.loads(file.read_text())
    return Plan(state, **values | {"roles": tuple(values.get("roles", ()))})


def save(plan: Plan) -> None:
    """Write the plan, with which the next `up` starts the cloud again."""
    plan.state.mkdir(parents=True, exist_ok=True)
    always = {"address": plan.address, "offset": plan.offset, "hypervisor": plan.hypervisor}
    (plan.state / PLAN).write_text(json.dumps(always | plan.settings()))
