"""Run blueprint-controller as a process of its own."""

import sys

from catalyst.chassis.collector import resting

with resting():
    from catalyst.blueprint_controller.main import run

sys.exit(run())
