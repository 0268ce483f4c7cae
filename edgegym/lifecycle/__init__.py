"""What every episode has, whatever the system."""
