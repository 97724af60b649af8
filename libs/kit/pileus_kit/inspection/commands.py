"""What an inspection asks of the machine: programs and processes. Nothing here changes anything."""

import subprocess
from pathlib import Path

PATIENCE_S = 10.0


def output(*command: str) -> str:
    """Run a command and return its output. Raises OSError, also when the command fails or doesn't end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(f"{command[0]} doesn't answer") from None
    if done.returncode:
        raise OSError(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that ended and waits to be reaped doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False
