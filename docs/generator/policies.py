"""Policy rules: RULES of each service."""

from pathlib import Path

from houses import SERVICES, TOP, module
from tables import code, table

HEAD = """\
# Policy rules of {service}

Names, defaults and scopes are OpenStack's{deviations}. Put
`"NAME": "CHECK"` into `policy/{service}.yaml` of the state directory to replace a default; the service reads the file
again when it changes. *Scopes* are the kinds of token that a rule accepts, whatever the token's roles; none: any kind.

"""


def pages() -> dict[str, str]:
    return {name: HEAD.format(service=name, deviations=_deviations(name)) + _rules(name) for name in SERVICES}


def _deviations(service: str) -> str:
    file = Path("services", service, "tests", "unit", "policy_deviations.txt")
    return f"; where one differs,\n`{file}` says why" if (TOP / file).exists() else ""


def _rules(service: str) -> str:
    rules = sorted(module(service, "policy").RULES, key=lambda rule: rule.name)
    return table(
        ("rule", "default", "scopes", "what it allows"),
        ((code(r.name), code(r.check), ", ".join(r.scopes), r.description) for r in rules),
    )
