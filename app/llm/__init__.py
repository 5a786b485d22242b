"""The only room that touches MLX: one thread, one lock, a model, an embedder."""
