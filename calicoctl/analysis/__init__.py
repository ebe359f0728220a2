"""Analysis of lists of rules: which packets they decide, and how. Pure functions; no datastore, no input or output."""
