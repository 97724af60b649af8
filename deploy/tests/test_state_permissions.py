"""What lies in the state directory is nobody else's, however it was made, and also where it was made before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pileus_deploy import lifecycle, state_permissions
from pileus_deploy.plan import Plan
from pileus_kit import process
from pileus_kit.config import ServiceConfig
from pileus_kit.file_modes import make_traversable
from pileus_kit.inspection.exposed import exposed

NOBODY = 65534


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A state directory as the first releases made it."""
    state = tmp_path / "state"
    before = os.umask(0o022)
    (state / "databases").mkdir(parents=True)
    (state / "databases" / "identity.sqlite").write_text("hashes")
    (state / "image" / "store" / "blobs").mkdir(parents=True)
    (state / "image" / "store" / "blobs" / "b").write_text("private")
    (state / "volumes").mkdir()
    (state / "volumes" / "volume-1").touch(0o600)
    (state / "plan.json").write_text("{}")
    os.umask(before)
    return Plan(state)


def test_an_old_state_directory_is_mended(plan: Plan) -> None:
    assert {path.name for path, _ in exposed(plan.state)} >= {"databases", "identity.sqlite", "b", "plan.json"}
    state_permissions.correct(plan)
    assert not list(exposed(plan.state))


def test_guests_pass_to_their_disks_only(plan: Plan) -> None:
    state_permissions.correct(plan)
    assert {p.name for p in plan.state.iterdir() if p.stat().st_mode & 0o010} == set(
        state_permissions.GUEST_DIRECTORIES
    )
    assert not [p for p in plan.state.iterdir() if p.stat().st_mode & 0o066 and p.name != "volumes"]


def test_a_main_writes_for_its_own_user_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o022)
    try:
        config = process.load_config(ServiceConfig, [], "test")
        place = config.__class__(state=str(tmp_path)).path("databases", "x.sqlite")
        place.touch()
        assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert make_traversable(tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o711
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o711
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_another_user_reads_nothing(plan: Plan) -> None:
    """The walk and the kernel agree."""
    plan.state.parent.chmod(0o755)
    state_permissions.correct(plan)
    look = f"import os; print(open('{plan.state}/databases/identity.sqlite').read())"
    done = subprocess.run(
        [sys.executable, "-c", look],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Permission" in done.stderr and not done.stdout


def test_a_place_that_guests_cannot_reach_is_refused(plan: Plan) -> None:
    plan.state.parent.chmod(0o700)
    with pytest.raises(lifecycle.NotReady, match=f"chmod o\\+x {plan.state.parent}"):
        lifecycle.check_disk_access(plan)
    lifecycle.check_disk_access(Plan(plan.state, hypervisor="fake"))
