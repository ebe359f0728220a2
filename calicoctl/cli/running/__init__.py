"""What the command `run` does, part by part."""
