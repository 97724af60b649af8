"""Services of the catalog: /v3/services."""

import pytest


def test_a_service_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud(
        "/v3/services", "service", {"type": "t", "name": "n", "description": "d"}, {"name": "m", "enabled": False}
    )


@pytest.mark.parametrize("name", ["enabled", "type", "name"])
def test_a_null_is_refused(cloud, name):
    cloud.check_null_is_refused("/v3/services", "service", {"type": "new"}, name)


def test_the_id_of_a_service_never_changes(cloud):
    cloud.check_fixed_id("/v3/services", "service", {"type": "t"})
