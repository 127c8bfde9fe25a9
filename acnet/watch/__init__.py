"""Looking at a campaign from outside: where its runs stand, what it will cost. Nothing here imports torch at once."""
