"""Long searches for mistakes, to be left alone overnight; the tests run a little of each."""
