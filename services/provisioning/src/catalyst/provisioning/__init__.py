"""Applications: what runs where, and the changes that bring it there."""
