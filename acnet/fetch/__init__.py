"""From published archives to a dataset's folder: download, verify, extract."""
