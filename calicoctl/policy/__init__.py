"""What policy means: rules, their JSON, their validation, and what a statement does to a profile."""
