"""Every verb, once, as a flow (see `holdfast.flow`): checked arguments in, Mem0's dictionaries out."""
