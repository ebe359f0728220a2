"""Syntax: text to AST (`parser`), AST to canonical text (`printer`), and corrections of invalid text (`repair`)."""
