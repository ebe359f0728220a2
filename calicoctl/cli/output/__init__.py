"""Output of commands: answers, tables, JSON, colours and progress bars."""
