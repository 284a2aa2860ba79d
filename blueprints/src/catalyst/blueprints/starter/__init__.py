"""The Blueprints that come with Catalyst, as data."""
