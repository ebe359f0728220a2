"""From text to validated statements, with what is wrong with it."""
