"""What is stored, and given as JSON: rules, tags and endpoints, and what the agent makes of them."""
