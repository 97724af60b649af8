"""The first use of a type in many threads at once. On its own, msgspec ends the process (SIGSEGV)."""

import re
import subprocess
import sys
from pathlib import Path

FRESH = """
import dataclasses, sys, threading
from pileus_kit import decoding

sys.setswitchinterval(1e-6)
PART = {f"x{k}": k for k in range(20)}
WHOLE = {"part": PART, "parts": [PART, PART], "named": {"a": PART}}

def use(kind, barrier):
    barrier.wait()
    assert decoding.convert(WHOLE, kind).parts[1].x19 == 19

for number in range(100):
    part = dataclasses.make_dataclass(f"Part{number}", [(name, int) for name in PART], frozen=True)
    whole = dataclasses.make_dataclass(f"Whole{number}", [
        ("part", part), ("parts", list[part]), ("named", dict[str, part])], frozen=True)
    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=use, args=(whole, barrier)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
HERE = Path(__file__).resolve().parents[4]
UNSAFE = re.compile(r"msgspec\.convert\(|msgspec\.(json|msgpack)\.decode\([^\n]*type=")


def test_eight_threads_may_use_a_fresh_type() -> None:
    ended = subprocess.run([sys.executable, "-c", FRESH], timeout=120, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_nothing_else_makes_a_type_known_to_msgspec() -> None:
    sources = [
        path
        for place in ("libs/*/pileus_*", "services/*/pileus_*", "deploy/pileus_*")
        for root in HERE.glob(place)
        for path in root.rglob("*.py")
        if path.name != "decoding.py"
    ]
    assert sources
    assert [str(path) for path in sources if UNSAFE.search(path.read_text())] == []
