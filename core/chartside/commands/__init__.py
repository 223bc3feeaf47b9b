"""The commands of ``chartside``, one module a group; imported by ``chartside.cli`` when called."""
