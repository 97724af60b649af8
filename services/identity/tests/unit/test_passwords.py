import multiprocessing
import os
import subprocess
import sys

import pytest
from argon2 import extract_parameters

from pileus_identity.core import passwords


def test_the_parameters_are_at_least_owasps_minimum():
    used = extract_parameters(passwords.digest("secret"))
    assert used.type.name == "ID"
    assert (used.memory_cost, used.time_cost, used.parallelism) == (19 * 1024, 2, 1)
    assert passwords.digest("secret") != passwords.digest("secret")


@pytest.mark.parametrize("password", ["", "ü", "x" * passwords.LONGEST])
def test_a_password_matches_its_own_hash_only(password):
    hash = passwords.digest(password)
    assert passwords.matches(hash, password)
    assert not passwords.matches(hash, password + "y")
    assert not passwords.matches(None, password)
    assert not passwords.matches("nonsense", password)
    assert not passwords.weak(hash)


def test_too_long_a_password_never_matches():
    long = "x" * (passwords.LONGEST + 1)
    assert not passwords.matches(passwords.digest(long), long)


def test_generated_secrets_need_no_slow_hash():
    secret = passwords.new_secret()
    hash = passwords.digest_generated(secret)
    assert passwords.secret_matches(hash, secret) and not passwords.secret_matches(hash, secret + "x")
    assert passwords.secret_matches(passwords.digest("chosen"), "chosen")
    assert not passwords.secret_matches(None, secret)


COOLING = """
from pileus_identity.core import passwords

def anonymous_kib():
    return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Anonymous:"))

stove = passwords.Stove()
for turn in [stove._pool.submit(passwords.hasher().hash, "secret") for _ in range(8)]:
    turn.result()
hot = anonymous_kib()
stove.cool()
print(hot - anonymous_kib())
"""


def test_memory_is_given_back():
    """In a process of its own, since this one's memory moves for other reasons, too."""
    done = subprocess.run([sys.executable, "-c", COOLING], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) > 15 * 1024


def test_a_child_forked_after_a_hash_hashes_too():
    """As `up` does: it bootstraps, then forks the API."""
    hash = passwords.digest("secret")
    child = multiprocessing.get_context("fork").Process(target=_exit_with, args=(hash,))
    child.start()
    child.join(30)
    alive = child.is_alive()
    child.kill()
    assert not alive and child.exitcode == 7


def _exit_with(hash: str) -> None:
    os._exit(7 if passwords.matches(hash, "secret") else 1)
