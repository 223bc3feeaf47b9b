"""Who speaks: voices compared inside one recording and forgotten with it (T-7).

How many speak is stated by the clinician. Measured by the project: 0 to 0.3 % of the time confused on recordings of two
voices in turn, 1.7 % on a real phone call, 5.3 % at meetings of 3 to 4 with overlapping speech. Counting voices
automatically failed on the phone call, so it is not offered.

The numbers that stand for a voice (embeddings) are biometric data: they live in memory for one run, are never written,
never sent, never compared with another recording.
"""

from __future__ import annotations

HONESTY = (
    "Who said what is a guess by voice: about 0 to 2 % of the time wrong with two voices in turn, "
    "5 % and more with several people or overlapping speech. Look at it before signing."
)
