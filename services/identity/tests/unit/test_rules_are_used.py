"""Every declared policy rule is used in the code, and every rule that the code uses is declared."""

import re
from pathlib import Path

import pileus_identity
from pileus_identity.policy import BASE, RULES

SOURCES = Path(pileus_identity.__file__).parent
ASSEMBLED = (
    {
        f"identity:{verb}_system_grant_for_{actor}"
        for verb in ("check", "create", "revoke")
        for actor in ("user", "group")
    }
    | {f"identity:list_system_grants_for_{actor}" for actor in ("user", "group")}
    | {f"identity:{verb}_domain_role" for verb in ("get", "update", "delete")}
)  # names that the code assembles
UNUSED = {"identity:check_token"}  # OpenStack doesn't use it either, but operators' files may name it


def test_rules_that_are_used_are_those_that_are_declared() -> None:
    code = "".join(file.read_text() for folder in ("api", "core") for file in (SOURCES / folder).glob("*.py"))
    used = {name for name in re.findall(r'"(identity:\w+)"', code) if not name.endswith("_")} | ASSEMBLED
    assert used == {rule.name for rule in RULES} - {rule.name for rule in BASE} - UNUSED
