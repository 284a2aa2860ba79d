"""Organizations, Environments and their policies, with a Git home for each Organization."""
