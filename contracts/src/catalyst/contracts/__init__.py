"""Every command, event, rejection code, subject and stream of Catalyst, as data."""
