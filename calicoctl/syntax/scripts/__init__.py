"""Scripts: their lines told apart, and each parsed alone."""
