"""Rows from events: one pure view for each kind of row."""
