"""Run billing as a process of its own."""

import sys

from catalyst.billing.main import run

sys.exit(run())
