"""`python -m pileus_cli`."""

import sys

from pileus_cli.shell import main

sys.exit(main())
