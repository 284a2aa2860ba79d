"""Run the projector as a process of its own."""

import sys

from catalyst.projector.main import run

sys.exit(run())
