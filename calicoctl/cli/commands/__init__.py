"""One module for each command, and what only that command needs."""
