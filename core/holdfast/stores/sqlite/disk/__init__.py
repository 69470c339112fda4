"""The file on the disk: how it is found, created, opened, kept private and emptied of what was erased."""
