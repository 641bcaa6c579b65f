"""What the store costs with many rows."""
