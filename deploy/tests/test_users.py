"""Processes give up what they don't need, and can still import what they run."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pileus_deploy import processes, users
from pileus_deploy.plan import Plan

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")
LOOK = """
import os, pathlib
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
print(os.getuid(), os.getgroups() != [], *(status[key].strip() for key in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs")))
"""


def shown_by(change: str, *rest: str) -> list[str]:
    """What a program sees that is started by a process after `change`."""
    code = f"from pileus_deploy import privileges\n{change}\nimport subprocess, sys\n"
    code += f"print(subprocess.check_output([sys.executable, '-c', {LOOK!r}], text=True))"
    done = subprocess.run([sys.executable, "-c", code, *rest], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_service_is_nobody_but_itself() -> None:
    uid, groups, *capabilities, no_new = shown_by("privileges.become_user('nobody', '')")
    assert (uid, groups, no_new) == ("65534", "False", "1")
    assert {int(mask, 16) for mask in capabilities} == {0}


def test_an_agent_keeps_what_it_was_given() -> None:
    uid, _, *capabilities, no_new = shown_by("privileges.keep_capabilities(['kill', 'net_admin'])")
    assert (uid, no_new) == ("0", "1")
    assert {int(mask, 16) for mask in capabilities} == {1 << 5 | 1 << 12}


def test_a_container_that_gives_less_is_enough() -> None:
    """A capability that root doesn't have can't be kept, and needn't be given up."""
    drop = "privileges.keep_capabilities([name for name in privileges.CAPABILITIES if name != 'net_admin'])"
    uid, _, *capabilities, no_new = shown_by(f"{drop}\nprivileges.keep_capabilities(['kill', 'net_admin', 'setpcap'])")
    assert (uid, no_new) == ("0", "1")
    assert {int(mask, 16) for mask in capabilities} == {1 << 5 | 1 << 8}
    assert shown_by(f"{drop.replace('net_admin', 'setpcap')}\nprivileges.become_user('nobody', '')")[0] == "65534"


def test_code_behind_a_closed_door_is_reached(tmp_path: Path) -> None:
    """A checkout in /root: nobody passes, but the process needs it. Nothing else in there shows."""
    room = tmp_path / "root"
    (room / "checkout").mkdir(parents=True)
    (room / "checkout" / "module.py").write_text("found = 'imported late'\n")
    (room / "secret").write_text("not for you")
    for path, mode in ((room / "checkout", 0o755), (room / "checkout" / "module.py", 0o644), (room, 0o700)):
        path.chmod(mode)
    code = f"""
import sys
from pathlib import Path
from pileus_deploy import privileges
privileges.become_user("nobody", "", [Path({str(room / "checkout")!r})])
sys.path.insert(0, {str(room / "checkout")!r})
import module
print(module.found, sorted(p.name for p in Path({str(room)!r}).iterdir()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "imported late ['checkout']", done.stderr
    assert (room / "secret").exists(), "the host's own view is as before"


def test_every_process_of_ours_gives_something_up(tmp_path: Path) -> None:
    for process in processes.processes(Plan(tmp_path, hypervisor="fake")):
        assert process.user or process.capabilities, process.name
        assert "sys_module" not in (process.capabilities or ())
    kinds = {p.name: p.user for p in processes.processes(Plan(tmp_path, hypervisor="fake")) if p.main}
    assert {name for name, user in kinds.items() if not user} == {"compute-agent", "volume-agent", "network-agent"}


def test_what_root_had_becomes_the_services(tmp_path: Path) -> None:
    place = tmp_path / "image"
    (place / "store").mkdir(parents=True)
    (place / "store" / "blob").write_text("data")
    users.change_owner(place, "nobody")
    assert {path.stat().st_uid for path in (place, place / "store", place / "store" / "blob")} == {65534}


def test_databases_move_into_directories_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "databases").mkdir()
    for suffix in ("", "-wal"):
        (tmp_path / "databases" / f"identity.sqlite{suffix}").write_text("old" + suffix)
    plan = Plan(tmp_path)
    for _ in range(2):
        users._move_databases(plan)
        assert plan.database_file("identity").read_text() == "old"
        assert plan.database_file("identity").with_name("identity.sqlite-wal").read_text() == "old-wal"
        assert (tmp_path / "databases" / "identity.sqlite").read_text() == "old", "the old name leads there"


@pytest.mark.skipif(shutil.which("useradd") is None, reason="no passwd package")
def test_users_are_made_once() -> None:
    users.ensure()
    users.ensure()
    known = [pwd.getpwnam(name) for name in users.NAMES]
    assert len({one.pw_uid for one in known}) == len(users.NAMES)
    assert {one.pw_shell for one in known} == {"/usr/sbin/nologin"}
