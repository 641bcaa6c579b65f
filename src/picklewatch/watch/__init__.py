"""Turns events and walks into candidates, and keeps watchdog alive while it does. Never opens a file's content."""
