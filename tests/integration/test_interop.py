"""OpenStack's own Tempest, unmodified: the required tests of its guidelines, and scenarios with logins to guests."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from leftovers import Traces

RUN = Path(__file__).parents[1] / "interop" / "run.py"


@pytest.mark.timeout(2700)
def test_every_required_test_passes_and_leaves_nothing(state: Path, capfd: Any) -> None:
    before = Traces(state)
    with capfd.disabled():  # its progress is worth seeing: it takes minutes
        done = subprocess.run([sys.executable, RUN, "--state", state], check=False)
    assert done.returncode == 0, "the lines above say which tests failed, and why"
    before.assert_nothing_new(60)
