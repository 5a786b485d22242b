"""The page: one HTML file that shows a whole home, works from disk and asks no network."""
