"""The ports on JetStream."""
