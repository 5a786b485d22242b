"""A home in other formats, one a file; and our own back again."""
