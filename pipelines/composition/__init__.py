"""Use-case files that are put together: the definitions that a version has learned, with all else of the
present file.
"""
