"""Makes the platform's state what its contracts declare: tables, roles, grants and topics."""
