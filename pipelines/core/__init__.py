"""What everything else is made of: facts of a use case, SQL, days, errors in sentences."""
