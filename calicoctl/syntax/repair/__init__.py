"""What was probably meant: from a text that is not in the language to the nearest one that is."""
