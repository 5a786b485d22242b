"""The doors a person uses: what every command shares, light enough that `--help` answers at once."""
