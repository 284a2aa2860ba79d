"""One table for each service: everything that it may say and be told, written by hand."""
