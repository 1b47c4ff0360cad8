"""A finished run read: compared, audited, repeated, reported."""
