"""The real image API process, with a book of tokens in identity's place: serve_image.py CONFIG."""

import sys
from typing import Any

from pileus_image import app, policy
from pileus_image.config import Config
from pileus_image.flows.sweep import Sweeper
from pileus_kit import process
from pileus_kit.policy import Enforcer
from pileus_kit.testing import TokenBook


def build(config: Config) -> Any:
    tools = app.make_tools(config)
    assert tools.runner
    tools.runner.start()
    Sweeper(tools).start()
    return app.create(tools, TokenBook(), Enforcer(policy.RULES))


if __name__ == "__main__":
    process.serve_api(build, process.load_config(Config, ["--config", sys.argv[1]], "image-api"), "image-test-api")
