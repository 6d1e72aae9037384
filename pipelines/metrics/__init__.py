"""What is measured of a model, and how sure that is."""
