"""customer-consumer: what customers do, each event once, and by the hour."""
