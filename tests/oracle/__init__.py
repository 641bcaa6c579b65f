"""The oracle: builds pickles of vouched names, judges them, loads the clean ones in a cage. See README.md."""
