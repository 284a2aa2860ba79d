"""Run the gateway as a process of its own."""

import sys

from catalyst.gateway.main import run

sys.exit(run())
