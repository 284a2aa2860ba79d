"""Run provisioning as a process of its own."""

import sys

from catalyst.provisioning.main import run

sys.exit(run())
