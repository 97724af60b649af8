"""Hashes of passwords and secrets: their settings, what they match, and the memory that they need."""

import multiprocessing
import os
import subprocess
import sys

import pytest
from argon2 import extract_parameters

from pileus_identity.core import password_hashing


def test_the_parameters_are_at_least_owasps_minimum():
    used = extract_parameters(password_hashing.hash_password("secret"))
    assert used.type.name == "ID"
    assert (used.memory_cost, used.time_cost, used.parallelism) == (19 * 1024, 2, 1)
    assert password_hashing.hash_password("secret") != password_hashing.hash_password("secret")


@pytest.mark.parametrize("password", ["", "ü", "x" * password_hashing.MAX_PASSWORD_CHARACTERS])
def test_a_password_matches_its_own_hash_only(password):
    hash = password_hashing.hash_password(password)
    assert password_hashing.matches(hash, password)
    assert not password_hashing.matches(hash, password + "y")
    assert not password_hashing.matches(None, password)
    assert not password_hashing.matches("nonsense", password)
    assert not password_hashing.needs_rehash(hash)


def test_too_long_a_password_never_matches():
    long = "x" * (password_hashing.MAX_PASSWORD_CHARACTERS + 1)
    assert not password_hashing.matches(password_hashing.hash_password(long), long)


def test_generated_secrets_have_a_fast_hash():
    secret = password_hashing.generate_secret()
    hash = password_hashing.hash_generated_secret(secret)
    assert password_hashing.secret_matches(hash, secret) and not password_hashing.secret_matches(hash, secret + "x")
    assert password_hashing.secret_matches(password_hashing.hash_password("chosen"), "chosen")
    assert not password_hashing.secret_matches(None, secret)


COOLING = """
from pileus_identity.core import password_hashing

def anonymous_kib():
    return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Anonymous:"))

pool = password_hashing.HashingPool()
for task in [pool._pool.submit(password_hashing.hasher().hash, "secret") for _ in range(8)]:
    task.result()
before = anonymous_kib()
pool.release_memory()
print(before - anonymous_kib())
"""


def test_memory_is_given_back():
    """Measured in another process, because this one's memory changes for other reasons, too."""
    done = subprocess.run([sys.executable, "-c", COOLING], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) > 15 * 1024


def test_a_process_that_was_forked_after_a_hash_can_hash():
    """`up` does this: it bootstraps a cloud, which hashes passwords, and then forks the API."""
    hash = password_hashing.hash_password("secret")
    child = multiprocessing.get_context("fork").Process(target=_exit_with, args=(hash,))
    child.start()
    child.join(30)
    alive = child.is_alive()
    child.kill()
    assert not alive and child.exitcode == 7


def _exit_with(hash: str) -> None:
    os._exit(7 if password_hashing.matches(hash, "secret") else 1)
