"""What is compared over time."""
