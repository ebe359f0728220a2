"""Stored documents and other JSON: rules, tags, endpoints and network sets, with the rules of the agent for them."""
