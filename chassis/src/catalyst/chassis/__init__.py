"""The shared runtime of every Catalyst worker."""
