"""What the operator decides once: profiles, credentials, where files lie, themes."""
