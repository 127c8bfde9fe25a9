"""Training of one resolved run (Sec. 4.2 and params/recipe.yaml); train.py tells it from top to bottom."""
