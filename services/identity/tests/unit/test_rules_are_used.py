"""Every declared rule is asked somewhere, and every rule that is asked is declared."""

import re
from pathlib import Path

import pileus_identity
from pileus_identity.policy import BASE, RULES

SOURCES = Path(pileus_identity.__file__).parent
MADE = (
    {
        f"identity:{verb}_system_grant_for_{actor}"
        for verb in ("check", "create", "revoke")
        for actor in ("user", "group")
    }
    | {f"identity:list_system_grants_for_{actor}" for actor in ("user", "group")}
    | {f"identity:{verb}_domain_role" for verb in ("get", "update", "delete")}
)  # names that the code puts together
ASKED_NOWHERE = {"identity:check_token"}  # in OpenStack neither; operators' files may name it


def test_rules_that_are_used_are_those_that_are_declared() -> None:
    code = "".join(file.read_text() for folder in ("api", "core") for file in (SOURCES / folder).glob("*.py"))
    used = {name for name in re.findall(r'"(identity:\w+)"', code) if not name.endswith("_")} | MADE
    assert used == {rule.name for rule in RULES} - {rule.name for rule in BASE} - ASKED_NOWHERE
