"""The evaluation: text to statements (`reading`), these to a plan (`plan`), the plan to the datastore (`execute`)."""
