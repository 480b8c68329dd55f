"""What the pages of all services share: login, sessions, the gate before them, numbers in words."""
