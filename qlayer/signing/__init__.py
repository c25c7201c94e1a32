"""Signing and checking signatures: one interface, keys in files or in OpenBao."""
