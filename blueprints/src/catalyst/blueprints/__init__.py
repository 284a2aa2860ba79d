"""The language of Blueprints: reading, checking, rendering and comparing them, without I/O."""
