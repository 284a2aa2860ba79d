"""The rules of blueprint-controller, pure."""
