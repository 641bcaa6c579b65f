"""The lists that judgements come from: data, each entry with its reason."""
