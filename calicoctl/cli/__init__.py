"""The command line: options, commands, output and exit statuses. The only part that prints."""
