"""The usage of statements and commands, and what other tools call them."""
