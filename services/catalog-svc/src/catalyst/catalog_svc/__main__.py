"""Run catalog-svc as a process of its own."""

import sys

from catalyst.chassis.collector import resting

with resting():
    from catalyst.catalog_svc.main import run

sys.exit(run())
