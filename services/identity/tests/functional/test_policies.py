"""Policies: /v3/policies."""


def test_a_policy_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud("/v3/policies", "policy", {"type": "t", "blob": "b"}, {"blob": "c"})


def test_the_id_of_a_policy_never_changes(cloud):
    cloud.check_fixed_id("/v3/policies", "policy", {"type": "t", "blob": "b"})
