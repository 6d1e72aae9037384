"""What a gate knows of earlier days: which were let through, what they were like, how far one may differ."""
