"""`/operations`: whose jobs and events a caller sees, and how they are filtered and paged."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from job_tables import Event, Job, Model
from sqlalchemy.orm import Session

from pileus_kit import operations
from pileus_kit.db import Sessions, now
from pileus_kit.flow import Flow, Local, Runner, Work, enqueue
from pileus_kit.policy import Enforcer
from pileus_kit.testing import Client, TokenBook, fresh_sessions
from pileus_kit.web import create_app, named_error


@dataclass(frozen=True)
class Tools:
    sessions: Sessions


def first(session: Session, tools: None, work: Work) -> None:
    pass


def second(session: Session, tools: None, work: Work) -> None:
    pass


FLOW = Flow("thing.create", Local(first), Local(second))


@pytest.fixture
def book() -> TokenBook:
    return TokenBook()


@pytest.fixture
def client(tmp_path: Path, book: TokenBook) -> Iterator[Client]:
    """Four jobs of project p1, of which the last is live, and one of p2."""
    sessions = fresh_sessions(Model, tmp_path)
    app = create_app(
        "things",
        tools=Tools(sessions),
        resources=[operations.resource(Job, Event)],
        authenticate=book,
        enforcer=Enforcer(operations.RULES),
        error_view=named_error,
    )
    runner = Runner(sessions, Job, Event, [FLOW], None, "w1")
    subjects = [("a", book.member), ("a/part", book.member), ("b", book.member), ("ab", book.other), ("c", book.member)]
    for number, (subject, caller) in enumerate(subjects):
        with sessions.begin() as session:
            job = enqueue(session, Job, flow="thing.create", subject=subject, caller=caller, request_id=f"r{number}")
            job.created_at = now() + timedelta(seconds=number)
        if subject != "c":
            runner.drain()
    yield Client(app, as_=book.reader)
    sessions.dispose()


def jobs(client: Client, query: str = "", **more: Any) -> list[str]:
    answer = client.get(f"/operations/jobs{query}", **more)
    assert answer.status_code == 200, answer.text
    return [job["subject"] for job in answer.json["jobs"]]


def events(client: Client, query: str = "", **more: Any) -> list[tuple[str, str]]:
    answer = client.get(f"/operations/events{query}", **more)
    assert answer.status_code == 200, answer.text
    return [(event["subject"], event["step"]) for event in answer.json["events"]]


def test_a_reader_sees_the_jobs_of_the_project(client: Client, book: TokenBook) -> None:
    assert jobs(client) == ["c", "b", "a/part", "a"]
    assert jobs(client, as_=book.other) == ["ab"]


def test_an_administrator_sees_the_jobs_of_all_projects(client: Client, book: TokenBook) -> None:
    assert jobs(client, "?all_projects=true", as_=book.admin) == ["c", "ab", "b", "a/part", "a"]
    assert jobs(client, "?all_projects=false", as_=book.admin) == ["c", "b", "a/part", "a"]


@pytest.mark.parametrize("noun", ["jobs", "events"])
def test_others_see_their_own_project_only(client: Client, book: TokenBook, noun: str) -> None:
    assert client.get(f"/operations/{noun}?all_projects=1").status_code == 403
    assert client.get(f"/operations/{noun}", as_=book.without_roles).status_code == 403
    assert client.get(f"/operations/{noun}", anonymous=True).status_code == 401


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("subject=a", ["a/part", "a"]),
        ("subject=a/part", ["a/part"]),
        ("request_id=r2", ["b"]),
        ("state=running", ["c"]),
        ("state=done", ["b", "a/part", "a"]),
        ("live=true", ["c"]),
        ("flow=thing.delete", []),
        ("limit=2", ["c", "b"]),
        ("limit=0", []),
    ],
)
def test_jobs_are_filtered(client: Client, query: str, expected: list[str]) -> None:
    assert jobs(client, f"?{query}") == expected


def test_jobs_come_in_pages(client: Client) -> None:
    found = client.get("/operations/jobs?limit=2").json["jobs"]
    assert jobs(client, f"?limit=2&marker={found[-1]['id']}") == ["a/part", "a"]


def test_a_job_of_another_project_is_no_marker(client: Client, book: TokenBook) -> None:
    foreign = client.get("/operations/jobs", as_=book.other).json["jobs"][0]["id"]
    answer = client.get(f"/operations/jobs?marker={foreign}")
    assert answer.status_code == 400
    assert "is not a job that is listed here" in answer.text


def test_events_are_in_the_order_of_time(client: Client) -> None:
    found = events(client)
    assert found == [(subject, step) for subject in ("a", "a/part", "b") for step in ("first", "second")]
    assert events(client, "?subject=b") == [("b", "first"), ("b", "second")]
    assert events(client, "?request_id=r0") == [("a", "first"), ("a", "second")]


def test_events_come_in_pages(client: Client) -> None:
    last = client.get("/operations/events?limit=3").json["events"][-1]
    assert events(client, f"?marker={last['id']}&limit=1") == [("a/part", "second")]
    assert events(client, f"?job_id={last['job_id']}") == [("a/part", "first"), ("a/part", "second")]


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "unknown=1", "limit=1&limit=2"])
@pytest.mark.parametrize("noun", ["jobs", "events"])
def test_other_queries_are_refused(client: Client, noun: str, query: str) -> None:
    assert client.get(f"/operations/{noun}?{query}").status_code == 400


def test_an_event_s_marker_is_a_number(client: Client) -> None:
    assert client.get("/operations/events?marker=x").status_code == 400
