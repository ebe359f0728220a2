"""The facts of the language, each in one place: protocols, actions, directions, the parts of a match, and values."""
