"""The census: every class of the libraries that models name, with what restoring it runs. See ``docs/census.md``."""
