"""The prompts learn: lessons from labels and gold, DSPy's optimisers, and a memory so that no call is made twice."""
