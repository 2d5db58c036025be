"""What only protein chains have: residues, states, profiles, relatives."""
