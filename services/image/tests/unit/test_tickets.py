import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pileus_image.core.tickets import Tickets
from pileus_kit.errors import Unauthorized


def test_the_key_is_created_once_and_private(tmp_path):
    path = tmp_path / "key"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Tickets.at(path), range(16)))
    assert [file.name for file in tmp_path.iterdir()] == ["key"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(path.read_bytes()) == 32
    made[0].check(made[1].issue("i", "read", 60), "i", "read")


def test_a_ticket_is_valid_for_one_action_and_for_a_while(monkeypatch):
    tickets = Tickets(b"k" * 32)
    ticket = tickets.issue("i", "read", 60)
    tickets.check(ticket, "i", "read")
    payload, _, signature = ticket.partition(".")
    for bad, image, action in (
        (ticket, "j", "read"),
        (ticket, "i", "write"),
        (payload, "i", "read"),
        (f"{payload}x.{signature}", "i", "read"),
        (f".{signature}", "i", "read"),
        ("", "i", "read"),
        ("a" * 2000, "i", "read"),
        ("é.é", "i", "read"),
        (Tickets(b"other").issue("i", "read", 60), "i", "read"),
    ):
        with pytest.raises(Unauthorized):
            tickets.check(bad, image, action)
    later = time.time() + 61
    monkeypatch.setattr("time.time", lambda: later)
    with pytest.raises(Unauthorized):
        tickets.check(ticket, "i", "read")
