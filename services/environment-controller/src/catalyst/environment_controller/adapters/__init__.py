"""Everything that touches Git or the network on behalf of the environment-controller."""
