"""Errors with sentences for callers, and what becomes of others."""

import errno

import pytest
from sqlalchemy.exc import OperationalError

from pileus_kit import context, error_mapping, fault_messages
from pileus_kit.errors import BadRequest, DatabaseBusy, HostDown, NotFound, OutOfSpace, Transient
from pileus_kit.rpc import refusal_of


class ThingNotFound(NotFound):
    text = "Thing {thing} could not be found."


def test_facts_fill_the_sentence() -> None:
    err = ThingNotFound(thing="x")
    assert (str(err), err.status, err.type, err.facts) == (
        "Thing x could not be found.",
        404,
        "ThingNotFound",
        {"thing": "x"},
    )


def test_a_host_that_is_down_is_waited_for() -> None:
    assert isinstance(HostDown(host="a", why="gone"), Transient)
    assert HostDown(host="a", why="gone").retry_after == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_507(number: int) -> None:
    refusal = error_mapping.refusal_for(OSError(number, "full"))
    assert refusal is not None
    assert (refusal.status, str(refusal)) == (507, "The service's storage is full.")
    assert isinstance(refusal_of(OSError(number, "full")), OutOfSpace)


def test_a_busy_database_is_503_without_its_sql() -> None:
    err = OperationalError("SELECT secret", {}, Exception("the connection was lost"))
    assert isinstance(error_mapping.refusal_for(err), DatabaseBusy)
    assert error_mapping.cause_without_sql(err) == "the connection was lost"


@pytest.mark.parametrize("err", [KeyError("x"), OSError(errno.ENOENT, "no")])
def test_other_errors_are_bugs(err: Exception) -> None:
    assert error_mapping.refusal_for(err) is None
    assert refusal_of(err) is None
    assert error_mapping.cause_without_sql(KeyError("x")) == "'x'"


def test_a_host_whose_program_ran_out_of_space_says_so() -> None:
    class Failed(BadRequest):
        status = 500

    assert isinstance(refusal_of(Failed(why="qemu-img: No space left on device")), OutOfSpace)
    refused = BadRequest(why="No space left on device")
    assert refusal_of(refused) is refused


def test_users_read_sentences_written_for_them() -> None:
    assert fault_messages.user_message(BadRequest(why="It is too big.")) == "It is too big."
    token = context.request_id.set("req-1")
    try:
        assert fault_messages.user_message(KeyError("secret")) == (
            "Something unexpected happened; the log has its cause under req-1."
        )
    finally:
        context.request_id.reset(token)
