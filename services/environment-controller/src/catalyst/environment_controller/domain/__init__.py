"""The rules of Organizations, Environments and policies; pure."""
