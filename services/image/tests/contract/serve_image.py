"""The real image API process with a worker in its threads and a book of tokens in identity's place.

Usage: serve_image.py CONFIG
"""

import sys

from flask import Flask

from pileus_image import app, policy
from pileus_image.config import Config
from pileus_image.core.tools import make_tools
from pileus_image.daemons.blob_reaper import BlobReaper
from pileus_image.worker import runner_of
from pileus_kit import process
from pileus_kit.policy import Enforcer
from pileus_kit.testing import TokenBook


def build(config: Config) -> Flask:
    tools = make_tools(config, lambda job_id: runner.ring(job_id))
    runner = runner_of(tools, "image-test")
    runner.start()
    BlobReaper(tools).start()
    return app.create(tools, TokenBook(), Enforcer(policy.RULES))


if __name__ == "__main__":
    process.serve_api(build, process.load_config(Config, ["--config", sys.argv[1]], "image-api"), "image-test-api")
