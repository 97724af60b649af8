"""Modes of files and directories that processes create."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_kit import file_modes


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_files_are_for_their_own_user_only(tmp_path: Path) -> None:
    file_modes.use_private_umask()
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    assert (mode(tmp_path / "file"), mode(tmp_path / "directory")) == (0o600, 0o700)


def test_other_users_reach_files_in_a_traversable_directory(tmp_path: Path) -> None:
    file_modes.use_private_umask()
    kept = tmp_path / "kept"
    kept.mkdir(0o750)
    before = mode(kept)
    made = file_modes.make_traversable(kept / "a" / "b")
    assert (mode(kept / "a"), mode(made)) == (0o711, 0o711)
    assert mode(kept) == before, "a directory that exists keeps its mode"
    assert file_modes.make_traversable(made) == made


def test_a_process_of_another_user_than_root_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    file_modes.become_owner_of(tmp_path)


def test_root_stays_root_without_a_directory_of_another_user(tmp_path: Path) -> None:
    file_modes.become_owner_of(tmp_path / "missing")
    if os.geteuid() == 0:
        file_modes.become_owner_of(tmp_path)
        assert os.geteuid() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_the_owner_of_a_directory(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    child = os.fork()
    if not child:
        try:
            file_modes.become_owner_of(tmp_path)
            os._exit(0 if (os.getresuid(), os.getgroups()) == ((65534,) * 3, []) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
