"""A driver in a process of its own on a test's host: carries out what it reads, so that a test can also kill it."""

import pickle
import sys
from pathlib import Path

from pileus_network.drivers.base import Settings
from pileus_network.drivers.linux.backend import Linux

pipe, answers = sys.stdin.buffer, sys.stdout.buffer


def main() -> None:
    backend = None
    while True:
        try:
            command, argument = pickle.load(pipe)
        except EOFError:
            return
        try:
            if command == "settings":
                backend = Linux(Settings(**argument))
                answer = backend.prepare()
            elif command == "lines":
                answer = len(Path(argument).read_text().splitlines())
            else:
                answer = getattr(backend, command)(*argument)
        except Exception as err:
            answer = err
        pickle.dump(answer, answers)
        answers.flush()


main()
