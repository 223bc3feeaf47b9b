"""The test kit for plugin authors: pytest fixtures, and servers that others wrote."""
