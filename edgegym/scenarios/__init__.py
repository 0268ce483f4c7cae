"""The shipped scenarios: TOML data, every value with its source."""
