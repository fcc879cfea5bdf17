"""JSONL in and out: the check of an input file before it is sent, and the account of what came back."""
