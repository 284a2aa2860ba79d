"""Sources and content, as they really are."""
