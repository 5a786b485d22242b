"""The made journals: invented diaries with gold labels, without end and the same for the same seed."""
