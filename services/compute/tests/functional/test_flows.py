"""Every flow: killed at each step, failed at each step, cancelled at each step, each step done twice."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flow_scenarios import SCENARIOS, World

from pileus_compute.flows import FLOWS
from pileus_compute.testing import compute_service
from pileus_kit.testing import kill_at_every_step

BY_NAME = {flow.name: flow for flow in FLOWS}


def test_every_flow_has_a_scenario() -> None:
    assert set(SCENARIOS) == set(BY_NAME)


@pytest.mark.no_cover  # it runs the same lines again and again
@pytest.mark.parametrize("name", SCENARIOS)
def test_flow_ends_well_wherever_it_is_killed(name: str, tmp_path: Path, standins: Callable[[], Any]) -> None:
    count = 0

    def make() -> AbstractContextManager[Any]:
        @contextmanager
        def fresh() -> Iterator[World]:
            nonlocal count
            count += 1
            image, network, volume = standins()
            apps = {"image": image.app, "network": network.app, "volume": volume.app}
            with compute_service(tmp_path / str(count), apps=apps) as compute:
                compute.flavor()
                yield SCENARIOS[name](compute, image, network, volume)

        return fresh()

    kill_at_every_step(BY_NAME[name], make, cancellable=name != "server.delete")
