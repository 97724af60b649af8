"""The policy rules of identity are those that OpenStack publishes, with reasons for each difference."""

from pathlib import Path

from pileus_identity.policy import RULES
from pileus_kit.testing.published import assert_rules_are_published

HERE = Path(__file__).parent
PUBLISHED = HERE.parents[3] / "tests/compatibility/policies/identity.txt"


def test_rules_have_openstacks_names_scopes_and_defaults() -> None:
    assert_rules_are_published(RULES, PUBLISHED, HERE / "policy_deviations.txt")
