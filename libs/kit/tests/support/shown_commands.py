"""Commands of a test whose output is shown where the test fails, also if they never end."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_shown(words: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command, and return its exit code and what it printed. It is killed when the test's time is over."""
    lines = []
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout
        try:
            for line in running.stdout:
                print(line, end="")
                lines.append(line)
        except BaseException:
            running.kill()
            raise
    return running.returncode, "".join(lines)
