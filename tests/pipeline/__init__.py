"""The whole journey, from a journal file to an answer, with a model that answers by rules."""
