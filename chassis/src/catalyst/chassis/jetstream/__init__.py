"""The only package that knows the client of the broker."""
