"""What an Organization finds in its catalogue, and who curated it."""
