"""What a host refuses to do for a job, and what that costs."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pileus_kit.rpc import fence as module
from pileus_kit.rpc.fence import DestroyedIds, Fence


def rpc_context(job: str = "j1", subject: str = "s1", attempt: int = 1, **more: bool) -> dict[str, Any]:
    return {"job": job, "subject": subject, "attempt": attempt} | more


def may_run(fence: Fence, *args: Any, **more: Any) -> bool:
    with fence.turn(rpc_context(*args, **more)) as allowed:
        return allowed


def test_a_call_without_a_job_runs() -> None:
    with Fence().turn({"request_id": "r"}) as allowed:
        assert allowed


def test_an_older_attempt_is_refused() -> None:
    fence = Fence()
    assert [may_run(fence, attempt=n) for n in (1, 2, 2, 1, 3)] == [True, True, True, False, True]
    assert may_run(fence, job="j2", attempt=1), "another job has attempts of its own"


def test_nothing_is_done_after_undoing() -> None:
    fence = Fence()
    assert may_run(fence, attempt=1, undoing=True)
    assert not may_run(fence, attempt=2)
    assert may_run(fence, attempt=2, undoing=True)


def test_nothing_is_done_about_what_was_destroyed(tmp_path: Path) -> None:
    fence = Fence(tmp_path / "a" / "gone")
    assert may_run(fence, job="j1")
    assert may_run(fence, job="j2", ends=True)
    assert not may_run(fence, job="j1", attempt=2)
    assert not may_run(fence, job="j3", subject="s1/volume")
    assert may_run(fence, job="j4", ends=True), "it may be destroyed again"
    assert may_run(fence, job="j5", subject="s2")
    restarted = Fence(tmp_path / "a" / "gone")
    assert not may_run(restarted, job="j1")
    assert may_run(restarted, job="j5", subject="s2")


def test_a_failed_call_destroys_nothing() -> None:
    fence = Fence()
    with pytest.raises(KeyError), fence.turn(rpc_context(ends=True)):
        raise KeyError
    assert may_run(fence, job="j2")


def test_the_file_of_destroyed_ids_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DESTROYED", 3)
    path = tmp_path / "gone"
    ids = DestroyedIds(path)
    for one in "abcdea":
        ids.add(one)
    assert [one in ids for one in "abcde"] == [True, False, False, True, True]
    ids.add("a")
    assert path.read_text().split() == ["a", "b", "c", "d", "e", "a"]
    again = DestroyedIds(path)
    assert "a" in again and "b" not in again
    assert len(path.read_text().split()) <= 3


def test_calls_about_one_thing_run_one_after_the_other() -> None:
    fence, running, most = Fence(), [0], [0]

    def work(subject: str) -> None:
        with fence.turn(rpc_context(job=subject, subject=subject)):
            running[0] += 1
            most[0] = max(most[0], running[0])
            time.sleep(0.005)
            running[0] -= 1

    threads = [threading.Thread(target=work, args=(f"s1/{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert fence._turns == {}, "no lock outlives its calls"


def test_old_attempts_are_forgotten_at_a_constant_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    fence = Fence()
    for number in range(20_000):
        may_run(fence, job=f"j{number}", subject=f"s{number}")
    began = time.process_time()
    for number in range(2_000):
        may_run(fence, job=f"k{number}", subject=f"s{number}")
    assert time.process_time() - began < 1.0, "a call doesn't look at all remembered jobs"
    monkeypatch.setattr(module, "FORGET_S", 0.0)
    may_run(fence, job="last")
    assert list(fence._newest) == ["last"]
