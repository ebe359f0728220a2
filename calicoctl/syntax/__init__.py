"""The syntax: text to AST (`parser`), AST to canonical text (`printer`), and what was probably meant (`repair`)."""
