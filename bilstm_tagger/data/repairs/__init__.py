"""Mending data: what is proposed, done and listed."""
