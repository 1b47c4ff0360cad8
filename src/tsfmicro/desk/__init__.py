"""What coders make: files gathered, converted from format to format, and two coders compared."""
