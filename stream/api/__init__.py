"""The open interface: what Outcry knows, read-only, for programs."""
