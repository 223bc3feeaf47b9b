"""The gate: declared access, then consent, then the law of the place."""
