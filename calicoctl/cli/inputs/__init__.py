"""Input of several commands: scripts, intentions and stored profiles."""
