"""The catalyst command: the embedded stack, and a person's way to every command and stream."""
