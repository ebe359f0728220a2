"""What several commands are given: scripts, intentions, and what is stored."""
