"""data-quality's rules on the prices that DATA names: what they find, what they flag wrongly, how fast."""
