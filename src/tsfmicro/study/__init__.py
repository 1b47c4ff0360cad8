"""Many runs from one file, the shipped configs, and the demonstration."""
