"""What is done to files, by the kind of storage they lie in: a protocol, and who keeps it on a disk and in a
bucket.
"""
