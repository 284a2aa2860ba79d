"""The read model of Catalyst, its REST reads and its live stream."""
