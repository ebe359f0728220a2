"""Rules and profiles: their validation, their stored documents, and the effects of statements; no datastore."""
