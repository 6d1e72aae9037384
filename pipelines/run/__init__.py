"""One run: what it is about, what it does in which order, which file it goes by, and what its gates have let
through.
"""
