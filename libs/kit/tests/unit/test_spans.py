"""Spans: collected by the step or call that runs, nested, bounded."""

import pytest

from pileus_kit import spans
from pileus_kit.spans import adopt, collected, span


def test_spans_are_nested() -> None:
    with collected() as found:
        with span("outer", where="host1"):
            with span("inner"):
                pass
        with span("second"):
            pass
    assert [one["name"] for one in found] == ["outer", "second"]
    assert found[0]["where"] == "host1"
    assert [one["name"] for one in found[0]["spans"]] == ["inner"]
    assert found[0]["seconds"] >= found[0]["spans"][0]["seconds"] >= 0
    assert "spans" not in found[1]


def test_a_span_that_fails_is_recorded() -> None:
    with collected() as found:
        with pytest.raises(KeyError), span("broken"):
            raise KeyError
    assert [one["name"] for one in found] == ["broken"]


def test_outside_of_a_collection_nothing_is_kept() -> None:
    with span("alone"):
        adopt([{"name": "remote"}])


def test_spans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "MAX_SPANS", 3)
    with collected() as found:
        for number in range(5):
            with span(f"{number}" + "x" * 500):
                pass
    assert len(found) == 3
    assert len(found[0]["name"]) == spans.MAX_NAME_CHARACTERS


def test_the_spans_of_a_host_belong_to_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "MAX_SPANS", 2)
    with collected() as found, span("call"):
        adopt([{"name": "a"}, {"name": "b"}, {"name": "c"}])
    assert [one["name"] for one in found[0]["spans"]] == ["a", "b"]
