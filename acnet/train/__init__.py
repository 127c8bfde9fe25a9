"""Training of one resolved run (Sec. 4.2 and params/recipe.yaml)."""
