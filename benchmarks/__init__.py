"""Measures Catalyst on this machine: `uv run python -m benchmarks`."""
