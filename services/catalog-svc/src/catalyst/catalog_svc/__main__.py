"""Run catalog-svc as a process of its own."""

import sys

from catalyst.catalog_svc.main import run

sys.exit(run())
