"""Evaluation: from text to statements (`frontend`), to a plan (`plan`, `script_plan`), to the datastore (`execute`)."""
