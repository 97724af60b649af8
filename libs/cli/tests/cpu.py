"""What a command costs in CPU time, and how much less than with the `openstack` client: `python libs/cli/tests/cpu.py`.

Uses the cloud that OS_* or clouds.yaml names; tokens are cached as in everyday use.
"""

import resource
import statistics
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
PAIRS = (("--version", 5), ("server list", 4), ("image list", 4), ("network list", 4))  # how many times cheaper


def cpu_s(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(words: str, runs: int = 5) -> tuple[float, float]:
    """Medians (pileus, openstack) in seconds, taken in turn so that a busy machine is as busy for both."""
    ours, theirs = [], []
    cpu_s([str(BIN / "pileus"), *words.split()])
    for _ in range(runs):
        ours.append(cpu_s([str(BIN / "pileus"), *words.split()]))
        theirs.append(cpu_s([str(BIN / "openstack"), *words.split()]))
    return statistics.median(ours), statistics.median(theirs)


if __name__ == "__main__":
    for words, least in PAIRS:
        ours, theirs = ratio(words)
        print(
            f"{words:14} pileus {1000 * ours:5.0f} ms, openstack {1000 * theirs:5.0f} ms: 1/{theirs / ours:.1f}"
            f" (at most 1/{least})"
        )
