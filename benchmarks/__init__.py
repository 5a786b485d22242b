"""What is claimed of Daybook, measured beside what it is compared with: one command each."""
