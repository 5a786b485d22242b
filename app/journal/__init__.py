"""Pure text: journal files -> entries -> chunks, every character with its place in the file."""
