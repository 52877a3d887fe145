"""IAM policy documents: names and ARNs in, documents out."""
