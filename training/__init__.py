"""How daybook-nano is made: invented journals with gold labels, rendered through the app's own prompts."""
