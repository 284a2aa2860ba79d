"""catalog-svc's ways to the outside: the search engine and stored content."""
