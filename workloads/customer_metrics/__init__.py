"""customer-metrics: what customers' doings amount to, as of an instant, and why."""
