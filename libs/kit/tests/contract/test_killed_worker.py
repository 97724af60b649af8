"""The real worker process, killed with SIGKILL again and again in the middle of its work: every job still ends well."""

import importlib.util
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

from sqlalchemy import func, select

from pileus_kit.flow import enqueue

CAKES, KILLS, PATIENCE_S = 40, 8, 120


def load_bakery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bakery", Path(__file__).with_name("bakery.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["bakery"] = module
    spec.loader.exec_module(module)
    return module


def test_a_worker_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    bakery = load_bakery()
    sessions = bakery.open_database(tmp_path)
    bakery.Model.metadata.create_all(sessions.engine)
    names = [f"c{i}{'-burnt' if i % 4 == 0 else ''}" for i in range(CAKES)]
    with sessions.begin() as session:
        for name in names:
            session.add(bakery.Cake(id=name))
            enqueue(session, bakery.Job, flow="cake.bake", subject=name)
    dice = random.Random(7)
    deadline = time.monotonic() + PATIENCE_S
    kills = 0
    while unfinished(sessions, bakery):
        assert time.monotonic() < deadline, f"{unfinished(sessions, bakery)} jobs never came to rest"
        worker = subprocess.Popen([sys.executable, str(Path(__file__).with_name("bakery.py")), str(tmp_path)])
        try:
            if kills < KILLS:
                wait_for_progress(sessions, bakery, worker)
                time.sleep(dice.uniform(0.0, 0.15))  # anywhere in the work
                worker.send_signal(signal.SIGKILL)
                kills += 1
            else:
                while unfinished(sessions, bakery) and time.monotonic() < deadline:
                    time.sleep(0.1)
                worker.terminate()
        finally:
            if worker.poll() is None and kills >= KILLS:
                worker.terminate()
            worker.wait(timeout=60)
    check(sessions, bakery, names, tmp_path)
    sessions.dispose()


def unfinished(sessions, bakery) -> int:
    with sessions.read() as session:
        return session.scalar(
            select(func.count()).select_from(bakery.Job).where(bakery.Job.state.not_in(("done", "undone")))
        )


def wait_for_progress(sessions, bakery, worker) -> None:
    """Until this worker has saved something: killing it before it began proves nothing."""

    def noted() -> int:
        with sessions.read() as session:
            return session.scalar(select(func.count()).select_from(bakery.Event))

    before = noted()
    while noted() == before and unfinished(sessions, bakery) and worker.poll() is None:
        time.sleep(0.01)


def check(sessions, bakery, names, place) -> None:
    with sessions.read() as session:
        cakes = {cake.id: (cake.status, cake.eggs) for cake in session.scalars(select(bakery.Cake))}
        states = {job.subject: job.state for job in session.scalars(select(bakery.Job))}
    oven = {path.name.removeprefix("oven-"): path.read_text() for path in place.glob("oven-*")}
    for name in names:
        if name.endswith("-burnt"):
            assert (cakes[name], states[name]) == (("ERROR", 0), "undone")
            assert name not in oven
        else:
            assert (cakes[name], states[name]) == (("SERVED", 3), "done")
            assert oven[name] == "warm done"
