"""What runs when, and the ledger of effects."""
