"""A stand-in for Giga: its API as documented, its failures on demand, and a desktop to look at. Knows nothing
of the dashboard; whoever uses it speaks HTTP and websockets to it."""
