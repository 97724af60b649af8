"""Groups and their members: /v3/groups."""

import pytest


def test_a_group_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud("/v3/groups", "group", {"name": "n", "description": "d"}, {"name": "m", "description": "e"})


def test_names_of_groups_are_unique_and_bounded(cloud):
    cloud.check_unique_names("/v3/groups", "group")


@pytest.mark.parametrize("name", ["name"])
def test_a_null_is_refused(cloud, name):
    cloud.check_null_is_refused("/v3/groups", "group", {"name": "new"}, name)


def test_the_id_of_a_group_never_changes(cloud):
    cloud.check_fixed_id("/v3/groups", "group", {"name": "n"})
