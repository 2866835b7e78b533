"""What is known of each protocol, one folder each."""
