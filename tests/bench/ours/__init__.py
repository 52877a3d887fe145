"""The platform's own code as a contender: each module runs to an end and prints its result as JSON."""
