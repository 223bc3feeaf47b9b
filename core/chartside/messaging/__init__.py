"""Messages to people: channels, hours, templates, and the one way through gate and ledger."""
