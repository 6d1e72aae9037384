"""What held-out rows say of a challenger, by rules."""
