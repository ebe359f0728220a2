"""What may stand at the cursor, for the shells."""
