"""Keys of plain data whose values a well-known loader imports, calls or evaluates: `loader_keys` is the table."""
