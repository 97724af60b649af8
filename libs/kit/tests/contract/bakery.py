"""A worker process for test_killed_worker: python bakery.py DIRECTORY. Its oven is a directory of files."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pileus_kit.db import Sessions
from pileus_kit.flow import EventColumns, Flow, JobColumns, Local, Remote, Runner, Work
from pileus_kit.process import run_until_signal


class Model(DeclarativeBase):
    pass


class Job(JobColumns, Model):
    __tablename__ = "jobs"


class Event(EventColumns, Model):
    __tablename__ = "events"


class Cake(Model):
    __tablename__ = "cakes"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    status: Mapped[str] = mapped_column(String(8), default="WISHED")
    eggs: Mapped[int] = mapped_column(default=0)


class Kitchen:
    def __init__(self, place: Path) -> None:
        self.place = place


def take_eggs(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).eggs += 3
    time.sleep(0.01)  # leaves room for being killed inside the transaction


def give_eggs_back(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).eggs = 0


def bake(tools: Kitchen, work: Work) -> dict[str, Any]:
    with (tools.place / f"oven-{work.subject}").open("w") as file:
        file.write("warm")
        time.sleep(0.02)  # half-baked for a while
        file.write(" done")
        file.flush()
        os.fsync(file.fileno())
    return {"baked": True}


def throw_away(tools: Kitchen, work: Work) -> None:
    (tools.place / f"oven-{work.subject}").unlink(missing_ok=True)


def decorate(tools: Kitchen, work: Work) -> None:
    if work.subject.endswith("-burnt"):
        raise RuntimeError("the cake is burnt")


def serve(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).status = "SERVED"


def failed(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).status = "ERROR"


bake_cake = Flow(
    "cake.bake",
    Local(take_eggs, give_eggs_back),
    Remote(bake, throw_away),
    Remote(decorate),
    Local(serve),
    failed=failed,
)


def open_database(place: Path) -> Sessions:
    return Sessions(f"sqlite:///{place / 'bakery.sqlite'}")


def main() -> None:
    place = Path(sys.argv[1])
    runner = Runner(
        open_database(place), Job, Event, [bake_cake], Kitchen(place), f"worker-{os.getpid()}", threads=4, lease_s=1.0
    )
    run_until_signal(runner.start, runner.stop)


if __name__ == "__main__":
    main()
