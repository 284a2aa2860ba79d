"""The rules of catalog-svc, pure."""
