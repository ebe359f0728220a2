"""Completion of command lines, for the scripts in `shells/`."""
