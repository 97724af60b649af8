"""What a whole cloud leaves open to other users of its machine: nothing."""

from pathlib import Path

from pileus_cli.people.exposed import exposed
from pileus_deploy import supervisor


def test_other_users_read_nothing(state: Path, cloud: object) -> None:
    assert list(exposed(state)) == []


def test_processes_stand_in_the_state_directory(state: Path, cloud: object) -> None:
    """So that a core or a crash dump ends up there, and not where somebody happened to call deploy/up."""
    pid = supervisor.running(state)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert {Path(f"/proc/{child}/cwd").readlink() for child in children} == {state}
