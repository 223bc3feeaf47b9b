"""The labelled claims of the rules. Loaded by the tests and by ``bench/deck_scrub.py`` as a package of its own."""
