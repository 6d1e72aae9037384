"""Tables and files, on a disk or in a bucket: the only part that opens them."""
