"""The terminal as the deck lives in it: its clipboard, and what happens when it goes away."""
