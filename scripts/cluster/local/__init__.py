"""The cluster without containers: what `make cluster` starts, and what the tests of a cluster damage.

What containers run lies one folder above, what `make compose-check` looks at beside this one.
"""
