"""What a stack has at AWS."""
