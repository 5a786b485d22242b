"""What the model is asked: DSPy signatures rendered as Graphiti's prompt library."""
