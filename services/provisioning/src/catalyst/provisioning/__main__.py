"""Run provisioning as a process of its own."""

import sys

from catalyst.chassis.collector import resting

with resting():
    from catalyst.provisioning.main import run

sys.exit(run())
