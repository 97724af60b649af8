"""What a load counts, and what it calls a broken promise."""

from pileus_deploy.loads.records import Record, figures


def test_shares_are_of_all_answers() -> None:
    found = figures([0.010] * 98 + [0.050, 0.200])
    assert (found.count, found.p50, found.p99, found.longest) == (100, 10, 200, 200)
    assert found.ratio == 20


def test_an_unsteady_operation_is_named_once_it_was_seen_often() -> None:
    record = Record()
    for number in range(100):
        record.note("steady", 200, 0.01)
        record.note("unsteady", 200, 1.0 if number < 3 else 0.01)
    record.note("rare", 200, 0.01)
    record.note("rare", 200, 9.0)
    assert record.unsteady(10) == ["unsteady: p99 is 100.0 times the median"]


def test_failures_are_those_of_the_server_and_those_without_an_answer() -> None:
    record = Record()
    for status in (200, 404, 409, 429, 500, 503, 0):
        record.note("show", status, 0.01, "why")
    assert (record.count(500), record.count(0, 1), record.total()) == (2, 1, 7)
    assert record.odd == ["show: 500 why", "show: 503 why", "show: 0 why"]
    assert "500 x 1" in record.table() and "no answer x 1" in record.table()
