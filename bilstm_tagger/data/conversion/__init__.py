"""``bilstm-tagger convert``: rows from one format to another."""
