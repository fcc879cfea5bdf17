"""The object store (TOS): what is there, what goes up, what comes down, every byte verified."""
