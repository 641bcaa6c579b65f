"""picklewatch keeps hostile model files from running on ML workstations."""

# No import here, not even of `__future__`: see __main__.py.

__version__ = "0.1.0"
