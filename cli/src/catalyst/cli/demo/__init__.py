"""The demonstration: the main job on the real broker, watched, broken on purpose, and proved."""
