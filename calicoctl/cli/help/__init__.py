"""Help texts, usage lines, and the names that other tools have for commands."""
