"""Where the server connects to when somebody else gave the address. Knows nothing of ours."""
