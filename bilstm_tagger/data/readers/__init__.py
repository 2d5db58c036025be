"""Readers: one format a module, records out."""
