"""How daybook-nano-embed is made: a small embedder distilled from a public sentence encoder on diary-like texts."""
