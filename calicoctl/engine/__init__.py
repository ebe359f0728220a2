"""Evaluation: from text to statements (`frontend`), to a plan (`plan`, `evaluate`), to the datastore (`execute`)."""
