"""What the other packages use: errors, options, files, paths, progress, git."""
