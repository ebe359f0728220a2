"""From text to validated statements, or to diagnostics with corrections."""
