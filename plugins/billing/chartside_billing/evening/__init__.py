"""The evening's work against the EHR: scrub, send what is clean, work in what came back."""
