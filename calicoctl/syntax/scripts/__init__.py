"""Scripts: splitting into lines, and parsing of each line by itself."""
