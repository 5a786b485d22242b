"""What a model's memory and time allow: bytes per token, the limit derived from them, the forecast of a run."""
