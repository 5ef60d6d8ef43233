"""What Compute Studio calls."""
